-- audit_logs: personal data can be erased, and archived entries removed, by the owner only.
-- Why: a person may ask to be forgotten and a trail may have to end, without giving up that no entry can be edited.
-- Risk: locks audit_logs against readers and writers until the commit; reads no row.
alter table public.audit_logs alter column details drop not null;
alter table public.audit_logs alter column pii_salt drop not null;
alter table public.audit_logs add constraint audit_logs_erased_check check (
    case when pii_salt is null then num_nonnulls(ip_address, user_agent, details) = 0 else details is not null end
) not valid;
comment on constraint audit_logs_erased_check on public.audit_logs is 'The personal data and its salt are erased together.';
comment on column public.audit_logs.pii_salt is 'Random; erased together with the personal data. Null once they are erased.
pii=secret; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.details is 'Details of the change. Personal data; null once it is erased.
pii=content; purpose=audit; basis=legitimate interest; keep=audit';

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
        using errcode = 'insufficient_privilege', hint = 'Add an entry that corrects the earlier one.';
end
$$;
comment on function chatschema.refuse_audit_change() is
    'Trigger: refuses every change of the trail, except that the owner erases the personal data of an entry, or removes archived entries.';

create function chatschema.record_audit_erasure() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    insert into public.audit_logs (action, resource_type, severity, details)
    select 'audit.erase', 'audit_log', 'info', jsonb_build_object('ids', jsonb_agg(e.id order by e.id))
    from (select o.id, (row_number() over (order by o.id) - 1) / 1000 as part from erased as o) as e
    group by e.part
    order by e.part;
    return null;
end
$$;
comment on function chatschema.record_audit_erasure() is
    'Trigger: adds entries that name those whose personal data a statement erased, so that an erasure differs from a change behind the trail''s back.';
create trigger audit_logs_record_erasure after update on public.audit_logs
    referencing old table as erased
    for each statement execute function chatschema.record_audit_erasure();
comment on trigger audit_logs_record_erasure on public.audit_logs is 'Each erasure of personal data names the entries that it changed.';
