-- audit_logs: who did what, when and from where; rows are added, never changed.
-- Why: a trail that can be edited proves nothing; one that a foreign key can refuse has holes.
-- Risk: new table; takes no lock on existing data.
create table public.audit_logs (
    id              bigint      not null generated always as identity,
    user_id         uuid,
    action          text        not null,
    resource_type   text,
    resource_id     text,
    severity        text        not null default 'info',
    details         jsonb       not null default '{}',
    ip_address      inet,
    user_agent      text,
    session_id      uuid,
    request_id      text,
    created_at      timestamptz not null default now(),
    recorded_at     timestamptz not null default clock_timestamp(),
    recorded_by     text        not null default session_user,
    txid            xid8        not null default pg_current_xact_id(),
    pii_salt        bytea       not null default uuid_send(gen_random_uuid()),
    pii_digest      bytea       not null,
    constraint audit_logs_pkey primary key (id),
    constraint audit_logs_severity_check check (severity in ('debug', 'info', 'warning', 'error', 'critical')),
    constraint audit_logs_action_length_check check (length(action) between 1 and 200),
    constraint audit_logs_pii_digest_check check (octet_length(pii_digest) = 32)
);

create index idx_audit_logs_user_id_created_at on public.audit_logs (user_id, created_at);
create index idx_audit_logs_resource_created_at on public.audit_logs (resource_type, resource_id, created_at);
create index idx_audit_logs_created_at on public.audit_logs using brin (created_at);
create index idx_audit_logs_txid on public.audit_logs (txid, id);

-- Lengths before the values, so that no two triples share their bytes; null has no length.
create function chatschema.audit_pii_digest(salt bytea, ip_address inet, user_agent text, details jsonb) returns bytea
    language sql immutable parallel safe
as $$
    select sha256(salt || convert_to(string_agg(coalesce(octet_length(part) || ':' || part, '-'), ';' order by position), 'UTF8'))
    from unnest(array[host(ip_address) || '/' || masklen(ip_address), user_agent, details::text])
        with ordinality as t (part, position)
$$;
comment on function chatschema.audit_pii_digest(bytea, inet, text, jsonb) is
    'What stands in for the personal data of an audit row in proofs, so that the data can be erased and the proof remains.';

create function chatschema.stamp_audit_log() returns trigger
    language plpgsql
as $$
begin
    new.recorded_at := clock_timestamp();
    new.recorded_by := session_user;
    new.txid := pg_current_xact_id();
    new.pii_salt := uuid_send(gen_random_uuid());
    new.pii_digest := chatschema.audit_pii_digest(new.pii_salt, new.ip_address, new.user_agent, new.details);
    return new;
end
$$;
comment on function chatschema.stamp_audit_log() is
    'Trigger: sets what the writer must not choose: when and by whom it was recorded, and the digest.';

create function chatschema.refuse_audit_change() returns trigger
    language plpgsql
as $$
begin
    raise exception 'audit_logs is append-only: % refused', lower(tg_op)
        using errcode = 'insufficient_privilege', hint = 'Add a row that corrects the earlier one.';
end
$$;
comment on function chatschema.refuse_audit_change() is 'Trigger: refuses every change of the trail.';

create trigger audit_logs_stamp before insert on public.audit_logs
    for each row execute function chatschema.stamp_audit_log();
create trigger audit_logs_refuse_change before update or delete on public.audit_logs
    for each row execute function chatschema.refuse_audit_change();
create trigger audit_logs_refuse_truncate before truncate on public.audit_logs
    for each statement execute function chatschema.refuse_audit_change();
-- Also when a session says session_replication_role = replica, which switches ordinary triggers off.
alter table public.audit_logs enable always trigger audit_logs_stamp;
alter table public.audit_logs enable always trigger audit_logs_refuse_change;
alter table public.audit_logs enable always trigger audit_logs_refuse_truncate;

comment on table public.audit_logs is 'Who did what, when and from where; rows are added, never changed.';
comment on column public.audit_logs.id is 'Order of arrival, with gaps.';
comment on column public.audit_logs.user_id is 'Who did it; null for nobody known. No foreign key: the trail outlives the user.';
comment on column public.audit_logs.action is 'What was done, for example message.delete.';
comment on column public.audit_logs.resource_type is 'To what kind of thing.';
comment on column public.audit_logs.resource_id is 'To which one, as the application names it; any text.';
comment on column public.audit_logs.severity is 'debug, info, warning, error or critical.';
comment on column public.audit_logs.details is 'What changed. Personal data.';
comment on column public.audit_logs.ip_address is 'From where. Personal data.';
comment on column public.audit_logs.user_agent is 'With what. Personal data.';
comment on column public.audit_logs.session_id is 'In which session.';
comment on column public.audit_logs.request_id is 'In which request, for joining with the application''s log.';
comment on column public.audit_logs.created_at is 'When it was done, as the writer says.';
comment on column public.audit_logs.recorded_at is 'When the row arrived, by the server''s clock; cannot be chosen.';
comment on column public.audit_logs.recorded_by is 'Database role that wrote it; cannot be chosen.';
comment on column public.audit_logs.txid is 'Transaction that wrote it; orders the trail for sealing.';
comment on column public.audit_logs.pii_salt is 'Random; erased together with the personal data.';
comment on column public.audit_logs.pii_digest is 'SHA-256 of salt and personal data; stays when they are erased.';
comment on constraint audit_logs_pkey on public.audit_logs is 'One row an event.';
comment on constraint audit_logs_severity_check on public.audit_logs is 'The five severities.';
comment on constraint audit_logs_action_length_check on public.audit_logs is '1 to 200 characters.';
comment on constraint audit_logs_pii_digest_check on public.audit_logs is 'A SHA-256.';
comment on index public.audit_logs_pkey is 'Look-up by id.';
comment on index public.idx_audit_logs_user_id_created_at is 'What a user did, by time.';
comment on index public.idx_audit_logs_resource_created_at is 'What happened to a thing, by time.';
comment on index public.idx_audit_logs_created_at is 'A span of time, over a table that grows in its order.';
comment on index public.idx_audit_logs_txid is 'The rows between two seals.';
comment on trigger audit_logs_stamp on public.audit_logs is 'Sets what the writer must not choose.';
comment on trigger audit_logs_refuse_change on public.audit_logs is 'Append-only: no update, no delete.';
comment on trigger audit_logs_refuse_truncate on public.audit_logs is 'Append-only: no truncate, not even by cascade.';
