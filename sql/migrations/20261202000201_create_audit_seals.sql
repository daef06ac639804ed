-- audit_seals: hashes over the entries of the audit trail, by which a later change is found.
-- Why: the owner of audit_logs can switch its triggers off; hashes that are also kept elsewhere show what was done then.
-- Risk: new tables; takes no lock on existing data.
create table chatschema.audit_epochs (
    number            integer     not null,
    log_id            uuid        not null,
    system_identifier text        not null,
    timeline          integer     not null,
    first_id          bigint      not null,
    first_seal        bigint      not null,
    carried_id        bigint      not null,
    carried_txid      xid8        not null,
    reason            text        not null,
    started_at        timestamptz not null default clock_timestamp(),
    started_by        text        not null default session_user,
    constraint audit_epochs_pkey primary key (number),
    constraint audit_epochs_number_check check (number > 0),
    constraint audit_epochs_reason_check check (length(reason) >= 1 and length(reason) <= 500 and reason !~ '[[:cntrl:]]')
);
comment on table chatschema.audit_epochs is
    'The clusters in which the audit trail was written, one after the other: transaction ids of one mean nothing in the next.';
comment on column chatschema.audit_epochs.number is 'From 1 on.
pii=none';
comment on column chatschema.audit_epochs.log_id is 'Identifies this trail; the same in all epochs, and in copies of the database.
pii=none';
comment on column chatschema.audit_epochs.system_identifier is 'Of the cluster, as in pg_control_system().
pii=none';
comment on column chatschema.audit_epochs.timeline is 'Of the cluster when the epoch began.
pii=none';
comment on column chatschema.audit_epochs.first_id is 'Entries from this id on belong to the epoch; earlier ones to the epoch before.
pii=none';
comment on column chatschema.audit_epochs.first_seal is
    'Number of its first seal; from the second epoch on, it has the entries that the epoch before had left without a seal.
pii=none';
comment on column chatschema.audit_epochs.carried_id is 'An entry of the epoch before with a higher id had no seal yet.
pii=none';
comment on column chatschema.audit_epochs.carried_txid is 'An entry of the epoch before with this transaction id or a higher one had no seal yet.
pii=none';
comment on column chatschema.audit_epochs.reason is 'Why it began, for example a restored backup.
pii=none';
comment on column chatschema.audit_epochs.started_at is 'When it began.
pii=none';
comment on column chatschema.audit_epochs.started_by is 'Role that declared it.
pii=none';
comment on constraint audit_epochs_pkey on chatschema.audit_epochs is 'One row an epoch.';
comment on constraint audit_epochs_number_check on chatschema.audit_epochs is 'From 1 on.';
comment on constraint audit_epochs_reason_check on chatschema.audit_epochs is 'One line of at most 500 characters.';
comment on index chatschema.audit_epochs_pkey is 'One row an epoch.';

create table chatschema.audit_seals (
    number         bigint      not null,
    epoch          integer     not null,
    low            xid8        not null,
    high           xid8        not null,
    row_count      bigint      not null,
    first_id       bigint      not null,
    last_id        bigint      not null,
    root           bytea       not null,
    locator        bytea       not null,
    locator_digest bytea       not null,
    previous       bytea       not null,
    sealed_at      timestamptz not null,
    record_hash    bytea       not null,
    archived_at    timestamptz,
    archive        text,
    archive_sha256 bytea,
    removed_at     timestamptz,
    constraint audit_seals_pkey primary key (number),
    constraint audit_seals_epoch_fkey foreign key (epoch) references chatschema.audit_epochs (number),
    constraint audit_seals_number_check check (number > 0),
    constraint audit_seals_hashes_check check (
        octet_length(root) = 32 and octet_length(locator_digest) = 32 and octet_length(previous) = 32 and octet_length(record_hash) = 32
    ),
    constraint audit_seals_locator_check check (octet_length(locator) = 16 * row_count),
    constraint audit_seals_archive_check check (
        (archived_at is null) = (archive is null) and (archived_at is null) = (archive_sha256 is null)
        and octet_length(archive_sha256) = 32 and (removed_at is null or archived_at is not null)
    )
);
-- Hashes do not compress, and parts of a long locator are read without the rest.
alter table chatschema.audit_seals alter column locator set storage external;
create index idx_audit_seals_epoch_low on chatschema.audit_seals (epoch, low);
comment on table chatschema.audit_seals is
    'Each seal is a hash over the entries of audit_logs in an interval of transaction ids; docs/reference/audit-format.md defines the bytes.';
comment on column chatschema.audit_seals.number is 'From 1 on, without gaps.
pii=none';
comment on column chatschema.audit_seals.epoch is 'Epoch of its entries, or the one after for the first seal of an epoch.
pii=none';
comment on column chatschema.audit_seals.low is 'First transaction id; the high of the seal before.
pii=none';
comment on column chatschema.audit_seals.high is 'Transaction id after the last one.
pii=none';
comment on column chatschema.audit_seals.row_count is 'How many entries it has.
pii=none';
comment on column chatschema.audit_seals.first_id is 'Lowest id of its entries; 0 without one.
pii=none';
comment on column chatschema.audit_seals.last_id is 'Highest id of its entries; 0 without one.
pii=none';
comment on column chatschema.audit_seals.root is 'Root of the hash tree (RFC 6962) over its entries.
pii=none';
comment on column chatschema.audit_seals.locator is 'For each entry its id and the first 8 bytes of its hash, so that a changed entry can be named.
pii=none';
comment on column chatschema.audit_seals.locator_digest is 'SHA-256 of the locator.
pii=none';
comment on column chatschema.audit_seals.previous is 'record_hash of the seal before.
pii=none';
comment on column chatschema.audit_seals.sealed_at is 'When it was created.
pii=none';
comment on column chatschema.audit_seals.record_hash is 'Hash of all of the above, which the next seal repeats and an anchor keeps elsewhere.
pii=none';
comment on column chatschema.audit_seals.archived_at is 'When its entries were written to a file; null before.
pii=none';
comment on column chatschema.audit_seals.archive is 'Path of that file, on the host that wrote it.
pii=none';
comment on column chatschema.audit_seals.archive_sha256 is 'SHA-256 of that file.
pii=none';
comment on column chatschema.audit_seals.removed_at is 'When the removal of its entries from audit_logs began; only the file has them then.
pii=none';
comment on constraint audit_seals_pkey on chatschema.audit_seals is 'One row a seal.';
comment on constraint audit_seals_epoch_fkey on chatschema.audit_seals is 'Its epoch exists.';
comment on constraint audit_seals_number_check on chatschema.audit_seals is 'From 1 on.';
comment on constraint audit_seals_hashes_check on chatschema.audit_seals is 'Each a SHA-256.';
comment on constraint audit_seals_locator_check on chatschema.audit_seals is '16 bytes an entry.';
comment on constraint audit_seals_archive_check on chatschema.audit_seals is 'A file has a path and a hash; no entry is removed without a file.';
comment on index chatschema.audit_seals_pkey is 'Look-up by number.';
comment on index chatschema.idx_audit_seals_epoch_low is 'The seal of an entry, by its transaction id.';

-- The rule of docs/reference/audit-format.md, for one entry. In PL/pgSQL, so that schema.sql can create it before the tables.
create function chatschema.audit_seal_of(id bigint, txid xid8) returns bigint
    language plpgsql stable
    set search_path = ''
as $$
begin
    return (
        with own as (
            select coalesce(max(e.number), 1) as number from chatschema.audit_epochs as e where e.first_id <= audit_seal_of.id
        ), carried as (
            select e.first_seal from chatschema.audit_epochs as e, own
            where e.number = own.number + 1 and (audit_seal_of.id > e.carried_id or audit_seal_of.txid >= e.carried_txid)
        )
        select coalesce(
            (select c.first_seal from carried as c),
            (
                select s.number from chatschema.audit_seals as s, own, chatschema.audit_epochs as e
                where e.number = own.number and s.epoch = own.number and (own.number = 1 or s.number <> e.first_seal)
                    and s.low <= audit_seal_of.txid and audit_seal_of.txid < s.high
                order by s.low desc
                limit 1
            )
        )
    );
end
$$;
comment on function chatschema.audit_seal_of(bigint, xid8) is
    'Number of the seal in whose interval an entry of this id and transaction id lies; null before it is sealed.';
revoke execute on function chatschema.audit_seal_of(bigint, xid8) from public;

create function chatschema.refuse_seal_change() returns trigger
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
        using errcode = 'insufficient_privilege',
            hint = 'Only the file of a seal can be recorded; entries are removed oldest seal first, and only once their seal has a file.';
end
$$;
comment on function chatschema.refuse_seal_change() is
    'Trigger: refuses changes of seals and epochs, except that the owner records the file of a seal, or that its entries are removed.';

create trigger audit_seals_refuse_change before update or delete on chatschema.audit_seals
    for each row execute function chatschema.refuse_seal_change();
create trigger audit_seals_refuse_truncate before truncate on chatschema.audit_seals
    for each statement execute function chatschema.refuse_seal_change();
create trigger audit_epochs_refuse_change before update or delete on chatschema.audit_epochs
    for each row execute function chatschema.refuse_seal_change();
create trigger audit_epochs_refuse_truncate before truncate on chatschema.audit_epochs
    for each statement execute function chatschema.refuse_seal_change();
alter table chatschema.audit_seals enable always trigger audit_seals_refuse_change;
alter table chatschema.audit_seals enable always trigger audit_seals_refuse_truncate;
alter table chatschema.audit_epochs enable always trigger audit_epochs_refuse_change;
alter table chatschema.audit_epochs enable always trigger audit_epochs_refuse_truncate;
comment on trigger audit_seals_refuse_change on chatschema.audit_seals is 'Append-only, except for the archive.';
comment on trigger audit_seals_refuse_truncate on chatschema.audit_seals is 'Append-only: no truncate.';
comment on trigger audit_epochs_refuse_change on chatschema.audit_epochs is 'Append-only: no update, no delete.';
comment on trigger audit_epochs_refuse_truncate on chatschema.audit_epochs is 'Append-only: no truncate.';
