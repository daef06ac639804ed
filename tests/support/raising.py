"""Every error of the schema, raised on purpose: what to store or to do for each of them, in the database of the access tests."""

# By constraint: the columns in which a copy of an existing row, or of the row below, is wrong.
CHECKS: dict[str, dict[str, object]] = {
    "applied_roles_one_row_check": {"is_only_row": False},
    "audit_epochs_number_check": {"number": 0},
    "audit_epochs_reason_check": {"reason": ""},
    "audit_seals_archive_check": {"archive": "x"},
    "audit_seals_hashes_check": {"root": "\\x00"},
    "audit_seals_locator_check": {"row_count": 3},
    "audit_seals_number_check": {"number": 0},
    "bulk_months_path_check": {"path": "other"},
    "bulk_owners_kind_check": {"kind": "other"},
    "bulk_seed_one_row_check": {"is_only_row": False},
    "deferred_erasures_origin_check": {"origin": "other"},
    "erased_names_name_hash_check": {"name_hash": "\\x00"},
    "erasures_subject_type_check": {"subject_type": "other"},
    "holds_period_check": {"from_at": "2026-01-02", "to_at": "2026-01-01"},
    "holds_period_finite_check": {"to_at": "infinity"},
    "holds_reason_check": {"reason": ""},
    "holds_released_check": {"released_by": None},
    "last_hold_one_row_check": {"is_only_row": False},
    "privacy_requests_state_check": {"state": "other", "started_at": "2026-01-01"},
    "privacy_requests_state_time_check": {"state": "running"},
    "privacy_requests_subject_type_check": {"subject_type": "other"},
    "retired_months_archive_check": {"archive": "x"},
    "retired_months_dropped_check": {"state": "dropped"},
    "retired_months_month_check": {"month": "2026-01-02 00:00+00"},
    "retired_months_state_check": {"state": "other"},
    "attachments_encryption_check": {"is_encrypted": True, "encryption_algorithm": None},
    "attachments_key_version_check": {"key_version": 0},
    "attachments_purged_at_check": {"purged_at": "2026-01-01", "state": "ready"},
    "attachments_sha256_check": {"sha256": "\\x00"},
    "attachments_size_bytes_check": {"size_bytes": -1},
    "attachments_state_check": {"state": "other"},
    "attachments_storage_key_check": {"storage_key": "https://example.org/x"},
    "audit_logs_action_length_check": {"action": ""},
    "audit_logs_erased_check": {"pii_salt": None, "details": {"x": 1}},
    "audit_logs_pii_digest_check": {"pii_digest": "\\x00"},
    "audit_logs_severity_check": {"severity": "other"},
    "auth_sessions_refresh_token_hash_check": {"refresh_token_hash": "plain"},
    "auth_sessions_revoked_reason_check": {"revoked_at": "2026-01-01", "revoked_reason": "other"},
    "auth_sessions_user_agent_length_check": {"user_agent": "x" * 2049},
    "conversation_participants_encrypted_key_check": {"encrypted_key": "\\x00", "key_algorithm": None},
    "conversation_participants_key_version_check": {"key_version": 0},
    "conversation_participants_left_at_check": {"left_at": "2000-01-01"},
    "conversation_participants_notification_level_check": {"notification_level": "other"},
    "conversation_participants_role_check": {"role": "other"},
    "conversations_current_key_version_check": {"current_key_version": 0},
    "conversations_direct_pair_check": {"type": "direct", "direct_user_low": None, "direct_user_high": None},
    "conversations_retention_days_check": {"retention_days": 0},
    "conversations_retention_days_limit_check": {"retention_days": 36501},
    "conversations_settings_check": {"settings": []},
    "conversations_title_length_check": {"title": ""},
    "conversations_type_check": {"type": "other", "direct_user_low": None, "direct_user_high": None},
    "message_statuses_reaction_keys_check": {"reactions": ["x" * 65]},
    "message_statuses_status_check": {"status": "other"},
    "message_statuses_status_time_check": {"status": "read", "read_at": None},
    "messages_content_nonce_check": {"content_nonce": "\\x00"},
    "messages_content_present_check": {"content_encrypted": None, "is_deleted": False, "deleted_at": None, "message_type": "text"},
    "messages_content_size_check": {"content_encrypted": "\\x" + "00" * 65537},
    "messages_edit_check": {"edit_count": 1, "edited_at": None},
    "messages_edit_history_check": {"edit_history": {}},
    "messages_is_deleted_check": {"is_deleted": True, "deleted_at": None},
    "messages_key_version_check": {"key_version": 0},
    "messages_message_type_check": {"message_type": "other"},
    "messages_sender_check": {"sender_id": None, "message_type": "text"},
    "user_public_keys_key_type_check": {"key_type": "other"},
    "user_public_keys_key_version_check": {"key_version": 0},
    "user_public_keys_public_key_size_check": {"public_key": "\\x00"},
    "user_public_keys_signature_check": {"key_type": "signed_prekey", "signature": None},
    "user_public_keys_status_check": {"status": "other"},
    "user_public_keys_status_time_check": {"status": "revoked", "revoked_at": None},
    "users_account_state_check": {"account_state": "other"},
    "users_display_name_length_check": {"display_name": ""},
    "users_email_format_check": {"email": "A@example.org"},
    "users_erased_at_check": {"erased_at": "2026-01-01", "account_state": "active"},
    "users_status_check": {"status": "other"},
    "users_username_format_check": {"username": "A B"},
}
# What a second row has that breaks this key and no other; a new id where it is not named.
NEW = "00000000-0000-7000-8000-0000000000ff"
KEYS: dict[str, dict[str, object]] = {
    "applied_roles_pkey": {}, "audit_epochs_pkey": {}, "audit_seals_pkey": {}, "bulk_months_pkey": {}, "bulk_owners_pkey": {},
    "bulk_seed_pkey": {}, "deferred_erasures_message_id_user_id_key": {}, "erased_names_pkey": {}, "erasures_pkey": {},
    "hold_conversations_pkey": {}, "holds_pkey": {}, "last_hold_pkey": {}, "idx_privacy_requests_open": {"id": 1000},
    "privacy_requests_pkey": {"subject_id": NEW}, "released_attachments_pkey": {}, "retired_months_pkey": {},
    "attachments_message_id_key": {"id": NEW, "storage_key": "other"},
    "attachments_pkey": {"message_id": None, "storage_key": "other"},
    "attachments_storage_key": {"id": NEW, "message_id": None},
    "audit_logs_pkey": {},
    "auth_sessions_family_id_live_key": {"id": NEW, "parent_id": None},
    "auth_sessions_parent_id_key": {"id": NEW, "family_id": NEW},
    "auth_sessions_pkey": {"family_id": NEW, "parent_id": None},
    "conversation_participants_pkey": {},
    "conversations_direct_pair_key": {"id": NEW},
    "conversations_pkey": {"type": "group", "direct_user_low": None, "direct_user_high": None},
    "message_statuses_pkey": {},
    "messages_pkey": {"conversation_id": NEW},
    "messages_conversation_id_id_key": {},
    "user_public_keys_active_key": {"id": NEW, "key_id": "other"},
    "user_public_keys_key_id_key": {"id": NEW, "status": "revoked", "revoked_at": "2026-01-01"},
    "user_public_keys_pkey": {"key_id": "other", "status": "revoked", "revoked_at": "2026-01-01"},
    "users_email_key": {"id": NEW, "username": "other"},
    "users_pkey": {"username": "other", "email": None},
    "users_username_key": {"id": NEW, "email": None},
}  # fmt: skip
# Columns beside the one that refers to nothing, so that no trigger or key refuses the row first.
REFERENCES: dict[str, dict[str, object]] = {
    "audit_seals_epoch_fkey": {"number": 2, "epoch": 7},
    "hold_conversations_hold_id_fkey": {"hold_id": 1000},
    "attachments_conversation_id_fkey": {"id": NEW, "message_id": None, "storage_key": "other"},
    "attachments_uploader_id_fkey": {"id": NEW, "message_id": None, "storage_key": "other"},
    "auth_sessions_parent_id_fkey": {"id": NEW, "family_id": NEW},
    "auth_sessions_user_id_fkey": {"id": NEW, "family_id": NEW, "parent_id": None},
    "conversation_participants_conversation_id_fkey": {},
    "conversation_participants_public_key_id_fkey": {"conversation_id": "{empty}"},
    "conversation_participants_user_id_fkey": {},
    "conversations_created_by_fkey": {"id": NEW, "type": "group", "direct_user_low": None, "direct_user_high": None},
    "conversations_direct_user_high_fkey": {"id": NEW, "direct_user_high": "ffffffff-ffff-7fff-bfff-ffffffffffff"},
    "conversations_direct_user_low_fkey": {"id": NEW, "direct_user_low": "00000000-0000-7000-8000-000000000000"},
    "message_statuses_user_id_fkey": {},
    "messages_conversation_id_fkey": {"id": "{fresh}"},
    "messages_sender_id_fkey": {"id": "{fresh}"},
    "user_public_keys_user_id_fkey": {"id": NEW, "key_id": "other"},
}
# A row for each table of the bookkeeping, which the tests' database leaves empty.
ROWS = """
    set session_replication_role = replica;
    insert into chatschema.audit_epochs (number, log_id, system_identifier, timeline, first_id, first_seal, carried_id, carried_txid, reason)
        values (1, gen_random_uuid(), '1', 1, 1, 1, 0, '1', 'first');
    insert into chatschema.audit_seals (number, epoch, low, high, row_count, first_id, last_id, root, locator, locator_digest, previous, sealed_at, record_hash)
        values (1, 1, '1', '2', 0, 0, 0, sha256(''), '', sha256(''), sha256(''), now(), sha256(''));
    insert into chatschema.bulk_months (month, path, messages, statuses) values ('2026-01-01 00:00+00', 'created', 0, 0);
    insert into chatschema.bulk_owners (kind, id) values ('user', gen_random_uuid());
    insert into chatschema.bulk_seed (version, messages, users, conversations, months, until, rng, profile, shape)
        values (1, 1, 1, 1, 1, '2026-01-01', 1, 'x', '{}');
    insert into chatschema.deferred_erasures (message_id, origin) values (gen_random_uuid(), 'tombstone');
    insert into chatschema.erased_names (name_hash, reserved_until) values (sha256('x'), now());
    insert into chatschema.erasures (subject_type, subject_id) values ('message', gen_random_uuid());
    insert into chatschema.holds (reason, released_by, released_at, release_reason) values ('x', 'x', now(), 'x');
    insert into chatschema.hold_conversations (hold_id, conversation_id) select id, gen_random_uuid() from chatschema.holds;
    insert into chatschema.last_hold (placed_at) values (now()) on conflict do nothing;
    insert into chatschema.privacy_requests (subject_type, subject_id) values ('message', gen_random_uuid());
    insert into chatschema.released_attachments (attachment_id, message_id) values (gen_random_uuid(), gen_random_uuid());
    insert into chatschema.retired_months (month) values ('2026-01-01 00:00+00');
    update public.auth_sessions set parent_id = id;
    set session_replication_role = origin;
"""
_HOLD = "insert into chatschema.holds (reason) values ('x'); "
_STATUS = "insert into public.message_statuses (message_id, user_id, conversation_id) values "
_FILE = """insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm, conversation_id)
    values ({}, '{{u_m}}', 'other', 1, sha256('x'), 'a', {})"""
_SEND = "insert into public.messages (id, conversation_id, sender_id, content_encrypted, reply_to_id, created_at) values "
_MOVE = "update public.message_statuses set message_id = {} where message_id = '{{x}}' and user_id = '{{u_m}}'"
_PUBLISH = "select chatschema.publish_key('{}', '{{u_m}}', 'identity', '{}', sha256('k'))"
_MONTHLY = "grant usage on schema chat_partitions to api; grant delete on {0} to api; set local role api; delete from {0}"
# Name, and where one name stands for several errors the beginning of its message; who does it: the letter of a user of the
# application, `nobody` or `garbage` for its context, `rr` for the owner at REPEATABLE READ, otherwise the owner; and what is done.
DEEDS: list[tuple[str, str, str]] = [
    ("audit_epochs_refuse_change", "", "delete from chatschema.audit_epochs"),
    ("audit_epochs_refuse_truncate", "", "truncate chatschema.audit_epochs, chatschema.audit_seals"),
    ("audit_seals_refuse_change", "", "delete from chatschema.audit_seals"),
    ("audit_seals_refuse_truncate", "", "truncate chatschema.audit_seals"),
    ("hold_conversations_refuse_change", "", "delete from chatschema.hold_conversations"),
    ("hold_conversations_refuse_truncate", "", "truncate chatschema.hold_conversations"),
    ("has_active_hold_snapshot", "rr", "set local session_replication_role = replica; delete from chatschema.last_hold;"
     " set local session_replication_role = origin; update public.messages set content_encrypted = 'y' where id = '{m}'"),
    ("holds_refuse_change", "", "delete from chatschema.holds"),
    ("holds_refuse_truncate", "", "truncate chatschema.holds, chatschema.hold_conversations"),
    ("holds_wait_for_changes", "rr", _HOLD),
    ("last_hold_refuse_delete", "", "delete from chatschema.last_hold"),
    ("last_hold_refuse_truncate", "", "truncate chatschema.last_hold"),
    ("attachments_keep_changed_held_file", "", _HOLD + "update public.attachments set size_bytes = 2 where message_id = '{m}'"),
    ("attachments_keep_held_file", "", _HOLD + "delete from public.attachments where message_id = '{m}'"),
    ("attachments_refuse_truncate_of_held", "", _HOLD + "truncate public.attachments"),
    ("attachments_require_changed_message", "", "update public.attachments set message_id = '{fresh}' where message_id = '{m}'"),
    ("attachments_require_changed_uploader", "", "update public.attachments set uploader_id = '{u_n}' where message_id = '{m}'"),
    ("attachments_require_message", "", _FILE.format("'{fresh}'", "'{group}'")),
    ("attachments_require_uploader", "", _FILE.format("null", "'{foreign}'")),
    ("attachments_set_conversation_id", "", _FILE.format("'{fresh}'", "null")),
    ("audit_logs_refuse_change", "", "delete from public.audit_logs"),
    ("audit_logs_refuse_truncate", "", "truncate public.audit_logs"),
    ("end_sessions_reason", "", "select chatschema.revoke_sessions('{u_m}', 'other')"),
    ("refresh_token_hash_format", "", "select chatschema.start_session('{u_m}', 'plain')"),
    ("session_grace_setting", "", "set local chatschema.session_grace = 'other'; select chatschema.session_grace()"),
    ("start_session_device", "", "select chatschema.start_session('{u_m}', '{hash}', '{{\"colour\": \"x\"}}')"),
    ("start_session_expires_in", "", "select chatschema.start_session('{u_m}', '{hash}', '{{}}', '-1 day')"),
    ("conversation_participants_guard_founding", "m", "insert into public.conversations (id, created_by) values ('{new}', '{u_m}');"
     " insert into public.conversation_participants (conversation_id, user_id) values ('{new}', '{u_m}')"),
    ("conversation_participants_guard_insert", "x", "insert into public.conversation_participants (conversation_id, user_id) values ('{direct}', '{u_m}')"),
    ("conversation_participants_guard_update", "m", "update public.conversation_participants set role = 'admin' where user_id = '{u_m}'"),
    ("conversation_participants_keep_an_admin", "s", "update public.conversation_participants set left_at = now() where user_id = '{u_s}'"),
    ("share_key_members", "", "select chatschema.share_key('{group}', '{u_n}', 'k', 1, 'a')"),
    ("share_key_public_key", "", "select chatschema.share_key('{group}', '{u_m}', 'k', 1, 'a', null, '{new}')"),
    ("share_key_values", "", "select chatschema.share_key('{group}', '{u_m}', null, 1, 'a')"),
    ("share_key_version", "", "select chatschema.share_key('{group}', '{u_m}', 'k', 99, 'a')"),
    ("conversations_guard_history", "a", "update public.conversations set settings = '{{\"history\": \"all\"}}' where id = '{group}'"),
    ("create_conversation_members", "", "select chatschema.create_conversation('{u_m}', array['{new}']::uuid[])"),
    ("create_conversation_pair", "", "select chatschema.create_conversation('{u_m}', array['{u_x}', '{u_a}']::uuid[], 'direct')"),
    ("add_reaction_text", "", "select chatschema.add_reaction('{x}', '{u_m}', '')"),
    ("message_statuses_complete", "", "insert into public.message_statuses (message_id, user_id) values ('{fresh}', '{u_m}')"),
    ("message_statuses_guard_update", "m", _MOVE.format("'{x2}'")),
    ("message_statuses_keep_held_reactions", "", _HOLD + "update public.message_statuses set reactions = '{{}}'"),
    ("message_statuses_refuse_delete_of_held", "", _HOLD + "delete from public.message_statuses"),
    ("message_statuses_refuse_truncate_of_held", "", _HOLD + "truncate public.message_statuses"),
    ("message_statuses_require_changed_message: a status", "", _HOLD + _MOVE.format("'{x2}'")),
    ("message_statuses_require_changed_message: message", "", _MOVE.format("'{fresh}'")),
    ("message_statuses_require_messages", "", _STATUS + "('{fresh}', '{u_m}', '{group}')"),
    ("message_statuses_require_reader", "", _STATUS + "('{x2}', '{u_n}', '{group}')"),
    ("message_statuses_require_reader", "", _STATUS + "('{x2}', '{u_m}', '{group}'), ('{x2}', '{u_n}', '{group}')"),
    ("message_statuses_require_reader", "", "update public.message_statuses set user_id = '{u_n}' where message_id = '{x}' and user_id = '{u_m}'"),
    ("messages_remove_references_of_truncated", "", "truncate public.messages"),
    ("month_refuse_delete_of_held", "", _HOLD + "delete from {statuses_month}"),
    ("month_refuse_truncate_of_held of message_statuses", "", _HOLD + "truncate {statuses_month}"),
    ("month_remove_references_of_truncated", "", "truncate {month}"),
    ("month_require_messages", "", _STATUS.replace("public.message_statuses", "{statuses_month}") + "('{fresh}', '{u_m}', '{group}')"),
    ("month_require_owner of message_statuses", "", _MONTHLY.format("{statuses_month}")),
    ("messages_guard_update", "m", "update public.messages set is_deleted = false, deleted_at = null, content_encrypted = 'y' where id = '{deleted}'"),
    ("messages_keep_held_content", "", _HOLD + "update public.messages set content_encrypted = 'y' where id = '{m}'"),
    ("messages_keep_identity", "", "update public.messages set conversation_id = '{foreign}' where id = '{m}'"),
    ("messages_refuse_truncate_of_held", "", _HOLD + "truncate public.messages, public.message_statuses"),
    ("messages_remove_references", "", _HOLD + "delete from public.messages where id = '{m}'"),
    ("messages_require_changed_reply", "", "update public.messages set reply_to_id = '{fresh}' where id = '{m}'"),
    ("messages_require_changed_sender", "", "update public.messages set sender_id = '{u_n}' where id = '{m}'"),
    ("messages_require_read_committed", "rr", "delete from public.messages where id = '{m}'"),
    ("messages_require_reply", "", _SEND + "('{fresh}', '{group}', '{u_m}', 'x', chatschema.uuid7(), now())"),
    ("messages_require_sender", "", _SEND + "('{fresh}', '{group}', '{u_n}', 'x', null, now())"),
    ("messages_set_created_at_from_id: message % has", "", _SEND + "('{fresh}', '{group}', '{u_m}', 'x', null, '2000-01-01')"),
    ("messages_set_created_at_from_id: message id % is not", "", _SEND + "(overlay('{fresh}' placing '4' from 15)::uuid, '{group}', '{u_m}', 'x', null, now())"),
    ("messages_set_created_at_from_id: message id % is of", "", _SEND + "(chatschema.uuid7(now() + interval '25 hours'), '{group}', '{u_m}', 'x', null, now())"),
    ("month_refuse_truncate_of_held of messages", "", _HOLD + "truncate {month}"),
    ("month_remove_references", "", _HOLD + "delete from {month}"),
    ("month_require_owner of messages", "", _MONTHLY.format("{month}")),
    ("month_require_read_committed", "rr", "delete from {month}"),
    ("user_public_keys_guard_status", "m", "update public.user_public_keys set status = 'active' where user_id = '{u_m}' and status = 'superseded'"),
    ("user_public_keys_keep_public_key", "", "update public.user_public_keys set public_key = sha256('k') where user_id = '{u_m}'"),
    ("user_public_keys_key_id_key: another key", "", _PUBLISH.format("{u_m}", "{key}")),
    ("acting_user_differs", "m", _PUBLISH.format("{u_x}", "1")),
    ("acting_user_inactive", "u", _PUBLISH.format("{u_u}", "1")),
    ("acting_user_missing", "nobody", _PUBLISH.format("{u_m}", "1")),
    ("context_user_format", "garbage", _PUBLISH.format("{u_m}", "1")),
    ("password_hash_format", "", "select chatschema.change_password('{u_m}', 'plain')"),
    ("user_inactive", "", "select chatschema.change_password('{u_u}', '{hash}')"),
]  # fmt: skip
