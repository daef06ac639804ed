-- auth_sessions: the sessions of users who are inactive already are revoked.
-- Why: the trigger on users does so for those who become inactive from now on.
-- Risk: changes the live sessions of users who are suspended, deactivated or erased; found by an index, a row lock each.
-- chatschema: ignore backfill because few users are inactive, and an index finds their live sessions
update public.auth_sessions as s
set revoked_at = clock_timestamp(), revoked_reason = case u.account_state when 'erased' then 'erasure' else 'admin' end
from public.users as u
where u.id = s.user_id and u.account_state <> 'active' and s.rotated_at is null and s.revoked_at is null;
