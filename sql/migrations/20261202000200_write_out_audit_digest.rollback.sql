create or replace function chatschema.stamp_audit_log() returns trigger
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
create or replace function chatschema.audit_pii_digest(salt bytea, ip_address inet, user_agent text, details jsonb) returns bytea
    language sql immutable parallel safe
as $$
    select sha256(salt || convert_to(string_agg(coalesce(octet_length(part) || ':' || part, '-'), ';' order by position), 'UTF8'))
    from unnest(array[host(ip_address) || '/' || masklen(ip_address), user_agent, details::text])
        with ordinality as t (part, position)
$$;
alter table public.audit_logs enable always trigger audit_logs_stamp;
