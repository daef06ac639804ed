-- attachments: the row of a message under a hold cannot be deleted or changed.
-- Why: as for its content.
-- Risk: new triggers; wait for writers of attachments for the moment of the commit.
create function chatschema.keep_held_file() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    month_start constant timestamptz := date_trunc('month', chatschema.uuid7_time(old.message_id), 'UTC');
    kept constant text := to_char(month_start at time zone 'UTC', '"messages_y"YYYY"m"MM"_held"');
    sender uuid;
    is_kept boolean := false;
begin
    if not chatschema.has_active_hold() then
        return case when tg_op = 'DELETE' then old else new end;
    end if;
    select m.sender_id into sender from public.messages as m where m.id = old.message_id;
    if not found and tg_op = 'UPDATE' and new.message_id is null
        and to_jsonb(new) - '{message_id,updated_at}'::text[] = to_jsonb(old) - '{message_id,updated_at}'::text[]
        and exists (select from chatschema.retired_months as r where r.month = month_start and r.state = 'dropped')
    then
        -- The attachments of a dropped month are released, except those whose message a hold kept in a separate table.
        if to_regclass('chat_partitions.' || kept) is not null then
            execute format('select exists (select from chat_partitions.%I where id = $1)', kept) into is_kept using old.message_id;
        end if;
        if not is_kept then
            return new;
        end if;
    end if;
    if chatschema.is_held(old.conversation_id, coalesce(sender, old.uploader_id), old.message_id) then
        raise exception 'attachment % belongs to a message under a hold and cannot be changed', old.id
            using errcode = 'integrity_constraint_violation', schema = 'public', table = 'attachments',
            hint = 'List the holds: chatschema hold list.';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
comment on function chatschema.keep_held_file() is
    'Trigger: the row that points to the file of a held message cannot be deleted or changed.';

-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.keep_held_file() from public;

create trigger attachments_keep_held_file before delete on public.attachments
    for each row when (old.message_id is not null) execute function chatschema.keep_held_file();
create trigger attachments_keep_changed_held_file
    before update of message_id, conversation_id, uploader_id, mime_type, storage_provider, storage_key, file_name_encrypted, size_bytes, sha256,
        is_encrypted, encryption_algorithm, encryption_nonce, key_version, state, purged_at
    on public.attachments
    for each row when (
        old.message_id is not null and (
            new.message_id is distinct from old.message_id or new.conversation_id <> old.conversation_id
            or new.uploader_id <> old.uploader_id or new.mime_type is distinct from old.mime_type
            or new.storage_provider <> old.storage_provider or new.storage_key <> old.storage_key
            or new.file_name_encrypted is distinct from old.file_name_encrypted or new.size_bytes <> old.size_bytes
            or new.sha256 <> old.sha256 or new.is_encrypted <> old.is_encrypted
            or new.encryption_algorithm is distinct from old.encryption_algorithm
            or new.encryption_nonce is distinct from old.encryption_nonce or new.key_version is distinct from old.key_version
            or new.state = 'deleted' and old.state <> 'deleted' or new.purged_at is distinct from old.purged_at
        )
    )
    execute function chatschema.keep_held_file();
create trigger attachments_refuse_truncate_of_held before truncate on public.attachments
    for each statement execute function chatschema.refuse_truncate_of_held();

comment on trigger attachments_keep_held_file on public.attachments is 'The row of a held message cannot be deleted.';
comment on trigger attachments_keep_changed_held_file on public.attachments is 'The row of a held message cannot be changed or unlinked.';
comment on trigger attachments_refuse_truncate_of_held on public.attachments is 'No truncate while a hold is active.';
