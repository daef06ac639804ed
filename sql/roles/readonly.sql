-- readonly: analysts and monitoring. All rows, without ciphertext, hashes, keys and personal columns.
-- Why: counting and timing needs rows, not what is in them.
create role {readonly} nologin;
grant usage on schema public, chatschema to {readonly};
grant select (id, username, status, last_seen_at, account_state, erased_at, created_at, updated_at) on public.users to {readonly};
grant select (id, user_id, family_id, parent_id, device_id, device_type, last_used_at, rotated_at, revoked_at, revoked_reason, expires_at, created_at, updated_at) on public.auth_sessions to {readonly};
grant select (id, user_id, device_id, key_type, algorithm, key_id, key_version, status, activated_at, expires_at, superseded_at, revoked_at, created_at, updated_at) on public.user_public_keys to {readonly};
grant select (id, type, direct_user_low, direct_user_high, created_by, settings, current_key_version, retention_days, is_archived, deleted_at, created_at, updated_at) on public.conversations to {readonly};
grant select (conversation_id, user_id, role, key_algorithm, key_version, last_read_message_id, last_delivered_message_id, notification_level, muted_until, is_pinned, joined_at, left_at, reads_from, created_at, updated_at) on public.conversation_participants to {readonly};
grant select (id, conversation_id, sender_id, content_algorithm, key_version, message_type, reply_to_id, edited_at, edit_count, is_deleted, deleted_at, deleted_by, expires_at, created_at, updated_at) on public.messages to {readonly};
grant select (message_id, user_id, conversation_id, status, delivered_at, read_at, failed_at, error_code, reacted_at, created_at, updated_at) on public.message_statuses to {readonly};
grant select (id, message_id, conversation_id, uploader_id, storage_provider, mime_type, size_bytes, sha256, is_encrypted, encryption_algorithm, key_version, state, purged_at, created_at, updated_at) on public.attachments to {readonly};
grant select (id, user_id, action, resource_type, resource_id, severity, session_id, request_id, created_at, recorded_at, recorded_by, txid, pii_digest) on public.audit_logs to {readonly};
grant select on chatschema.memberships to {readonly};
grant execute on function chatschema.actor(), chatschema.is_empty(uuid), chatschema.is_founding(uuid) to {readonly};
grant execute on function chatschema.uuid7_floor(timestamp with time zone), chatschema.uuid7_time(uuid), chatschema.explain_message_id(uuid) to {readonly};
grant execute on function chatschema.written_lsn() to {readonly};
grant execute on procedure chatschema.wait_for(pg_lsn, interval), chatschema.refuse_open_transaction() to {readonly};
create policy users_readonly_select on public.users for select to {readonly} using (true);
create policy auth_sessions_readonly_select on public.auth_sessions for select to {readonly} using (true);
create policy user_public_keys_readonly_select on public.user_public_keys for select to {readonly} using (true);
create policy conversations_readonly_select on public.conversations for select to {readonly} using (true);
create policy conversation_participants_readonly_select on public.conversation_participants for select to {readonly} using (true);
create policy messages_readonly_select on public.messages for select to {readonly} using (true);
create policy message_statuses_readonly_select on public.message_statuses for select to {readonly} using (true);
create policy attachments_readonly_select on public.attachments for select to {readonly} using (true);
create policy audit_logs_readonly_select on public.audit_logs for select to {readonly} using (true);
