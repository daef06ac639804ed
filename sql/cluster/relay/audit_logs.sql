-- audit_logs: entries of the trail that shards wrote. created_at is when the change happened, recorded_at when it came here.
-- Why: who changed the row is not who relays; details.recorded_by names the login of the change.
insert into public.audit_logs (
    user_id, action, resource_type, resource_id, severity, details, ip_address, user_agent, session_id, request_id, created_at
)
select e.user_id, e.action, e.resource_type, e.resource_id, e.severity,
    coalesce(e.details, '{{}}') || jsonb_build_object('recorded_by', r.recorded_by), e.ip_address, e.user_agent, e.session_id, e.request_id, r.recorded_at
from jsonb_to_recordset({rows}::jsonb) as r (id uuid, target text, entry jsonb, recorded_at timestamptz, recorded_by text)
cross join lateral jsonb_to_record(r.entry) as e (
    user_id uuid, action text, resource_type text, resource_id text, severity text, details jsonb, ip_address inet, user_agent text,
    session_id uuid, request_id text
)
where r.target = 'audit_logs'
order by r.id
