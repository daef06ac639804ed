-- worker: queues and the audit trail. Reports deliveries for all users, and adds to the trail; reads no content and no secret.
-- Why: a queue works for everybody, without a user of its own; what it does not read it cannot leak.
create role {worker} nologin;
grant usage on schema public, chatschema to {worker};
grant select (id, username, email, display_name, avatar_url, status, last_seen_at, account_state, erased_at, created_at, updated_at) on public.users to {worker};
grant select (id, user_id, family_id, parent_id, device_id, device_name, device_type, ip_address, user_agent, last_used_at, rotated_at, revoked_at, revoked_reason, expires_at, created_at, updated_at) on public.auth_sessions to {worker};
grant select (conversation_id, user_id, role, key_version, last_read_message_id, last_delivered_message_id, notification_level, muted_until, is_pinned, joined_at, left_at, reads_from, created_at, updated_at) on public.conversation_participants to {worker};
grant select (id, conversation_id, sender_id, message_type, reply_to_id, edited_at, is_deleted, deleted_at, expires_at, created_at, updated_at) on public.messages to {worker};
grant select on public.message_statuses to {worker};
grant insert (message_id, user_id, conversation_id, status, delivered_at, read_at, failed_at, error_code, reactions, reacted_at, created_at, updated_at) on public.message_statuses to {worker};
grant update (message_id, user_id, conversation_id, status, delivered_at, read_at, failed_at, error_code, reactions, reacted_at, updated_at) on public.message_statuses to {worker};
grant select on public.audit_logs to {worker};
grant insert (id, user_id, action, resource_type, resource_id, severity, details, ip_address, user_agent, session_id, request_id, created_at) on public.audit_logs to {worker};
grant select on chatschema.memberships to {worker};
grant execute on function chatschema.actor(), chatschema.is_empty(uuid), chatschema.is_founding(uuid) to {worker};
grant execute on function chatschema.uuid7(), chatschema.uuid7(timestamp with time zone), chatschema.uuid7_floor(timestamp with time zone), chatschema.uuid7_time(uuid), chatschema.explain_message_id(uuid) to {worker};
grant execute on function chatschema.audit_pii_digest(bytea, inet, text, jsonb) to {worker};
grant execute on function chatschema.events_after(text, integer), chatschema.events_now() to {worker};
grant execute on function chatschema.written_lsn() to {worker};
grant execute on procedure chatschema.wait_for(pg_lsn, interval), chatschema.refuse_open_transaction() to {worker};
create policy users_worker_select on public.users for select to {worker} using (true);
create policy auth_sessions_worker_select on public.auth_sessions for select to {worker} using (true);
create policy conversation_participants_worker_select on public.conversation_participants for select to {worker} using (true);
create policy messages_worker_select on public.messages for select to {worker} using (true);
create policy message_statuses_worker_select on public.message_statuses for select to {worker} using (true);
create policy message_statuses_worker_insert on public.message_statuses for insert to {worker} with check (true);
create policy message_statuses_worker_update on public.message_statuses for update to {worker} using (true);
create policy audit_logs_worker_select on public.audit_logs for select to {worker} using (txid = pg_current_xact_id_if_assigned());
create policy audit_logs_worker_insert on public.audit_logs for insert to {worker} with check (true);
