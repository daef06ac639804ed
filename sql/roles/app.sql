-- app: the API. Sees and changes what the user in app.user_id may see and change; row policies decide which rows.
-- Why: updates are granted by column, because a right on the whole table also allows to lock it against everybody.
create role {app} nologin;
grant usage on schema public, chatschema to {app};
grant select (id, username, email, display_name, avatar_url, status, last_seen_at, account_state, erased_at, created_at, updated_at) on public.users to {app};
grant update (display_name, avatar_url, status, last_seen_at, updated_at) on public.users to {app};
grant select (id, user_id, family_id, parent_id, device_id, device_name, device_type, ip_address, user_agent, last_used_at, rotated_at, revoked_at, revoked_reason, expires_at, created_at, updated_at) on public.auth_sessions to {app};
grant select on public.user_public_keys to {app};
grant insert (id, user_id, device_id, key_type, algorithm, key_id, key_version, public_key, signature, status, activated_at, expires_at, created_at, updated_at) on public.user_public_keys to {app};
grant update (status, expires_at, superseded_at, revoked_at, updated_at) on public.user_public_keys to {app};
grant select on public.conversations to {app};
grant insert (id, type, title, avatar_url, direct_user_low, direct_user_high, created_by, settings, retention_days, is_archived, created_at, updated_at) on public.conversations to {app};
grant update (title, avatar_url, settings, retention_days, is_archived, updated_at) on public.conversations to {app};
grant select on public.conversation_participants to {app};
grant insert (conversation_id, user_id, role, encrypted_key, key_nonce, key_algorithm, key_version, public_key_id, last_read_message_id, last_delivered_message_id, notification_level, muted_until, is_pinned, created_at, updated_at) on public.conversation_participants to {app};
grant update (role, last_read_message_id, last_delivered_message_id, notification_level, muted_until, is_pinned, left_at, updated_at) on public.conversation_participants to {app};
grant select on public.messages to {app};
grant insert (id, conversation_id, sender_id, content_encrypted, content_nonce, content_algorithm, key_version, sender_key_id, message_type, reply_to_id, edit_count, edit_history, is_deleted, expires_at, created_at, updated_at) on public.messages to {app};
grant update (content_encrypted, content_nonce, content_algorithm, key_version, sender_key_id, edited_at, edit_count, edit_history, is_deleted, deleted_at, deleted_by, updated_at) on public.messages to {app};
grant select on public.message_statuses to {app};
grant insert (message_id, user_id, conversation_id, status, delivered_at, read_at, failed_at, error_code, reactions, reacted_at, created_at, updated_at) on public.message_statuses to {app};
grant update (message_id, user_id, conversation_id, status, delivered_at, read_at, failed_at, error_code, reactions, reacted_at, updated_at) on public.message_statuses to {app};
grant select on public.attachments to {app};
grant insert (id, message_id, conversation_id, uploader_id, storage_provider, storage_key, file_name_encrypted, mime_type, size_bytes, sha256, is_encrypted, encryption_algorithm, encryption_nonce, key_version, state, created_at, updated_at) on public.attachments to {app};
grant update (message_id, state, updated_at) on public.attachments to {app};
grant select on chatschema.memberships, chatschema.people to {app};
grant execute on function chatschema.actor(), chatschema.is_empty(uuid), chatschema.is_founding(uuid) to {app};
grant execute on function chatschema.uuid7(), chatschema.uuid7(timestamp with time zone), chatschema.uuid7_floor(timestamp with time zone), chatschema.uuid7_time(uuid) to {app};
grant execute on function chatschema.page(uuid, uuid, integer), chatschema.page_after(uuid, uuid, integer), chatschema.explain_message_id(uuid) to {app};
