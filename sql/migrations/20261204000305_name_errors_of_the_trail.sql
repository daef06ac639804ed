-- functions: errors about the audit trail have the name of their trigger as constraint, and their table.
-- Why: an application tells errors apart by SQLSTATE and constraint; a message is text for people.
-- Risk: functions only, whose rules do not change; no lock on data.
create or replace function chatschema.refuse_audit_change() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    if tg_op <> 'TRUNCATE' and pg_has_role(current_user, (select c.relowner from pg_class as c where c.oid = tg_relid), 'usage') then
        if tg_op = 'UPDATE' then
            -- Erasure: the personal data, all of it and once, and nothing else. What erasures record is kept.
            if old.pii_salt is not null and num_nonnulls(new.pii_salt, new.ip_address, new.user_agent, new.details) = 0
                and old.action <> 'audit.erase'
            then
                new.pii_salt := old.pii_salt;
                new.ip_address := old.ip_address;
                new.user_agent := old.user_agent;
                new.details := old.details;
                if record_image_eq(new, old) then
                    new.pii_salt := null;
                    new.ip_address := null;
                    new.user_agent := null;
                    new.details := null;
                    return new;
                end if;
            end if;
        -- Retention: entries of a seal that has a file and is marked as removed; that mark is set oldest seal first.
        elsif exists (
            select from chatschema.audit_seals as s where s.removed_at is not null and s.number = chatschema.audit_seal_of(old.id, old.txid)
        ) then
            return old;
        end if;
    end if;
    raise exception 'audit_logs is append-only: % refused', lower(tg_op)
        using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'audit_logs',
        hint = 'Add an entry that corrects the earlier one.';
end
$$;

create or replace function chatschema.refuse_seal_change() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' and tg_table_name = 'audit_seals'
        and pg_has_role(current_user, (select c.relowner from pg_class as c where c.oid = tg_relid), 'usage')
    then
        -- The file of a seal is recorded, and may be replaced by one without the personal data of somebody who was erased.
        if (old.number, old.epoch, old.low, old.high, old.row_count, old.first_id, old.last_id, old.root, old.locator_digest,
                old.previous, old.sealed_at, old.record_hash)
            = (new.number, new.epoch, new.low, new.high, new.row_count, new.first_id, new.last_id, new.root, new.locator_digest,
                new.previous, new.sealed_at, new.record_hash)
            and new.locator = old.locator and new.archived_at is not null
            and (
                new.removed_at is not distinct from old.removed_at
                or (
                    old.removed_at is null and old.archived_at is not null
                    and not exists (select from chatschema.audit_seals as s where s.number < old.number and s.removed_at is null)
                )
            )
        then
            return new;
        end if;
    end if;
    raise exception '% is append-only: % refused', tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege', constraint = tg_name, schema = tg_table_schema, table = tg_table_name,
        hint = 'Only the file of a seal can be recorded; entries are removed oldest seal first, and only once their seal has a file.';
end
$$;
