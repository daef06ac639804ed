-- attachments: the pointer to the file of a message under a hold stays.
-- Why: as for its content.
-- Risk: new triggers; wait for writers of attachments for the moment of the commit.
create function chatschema.keep_held_file() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    sender uuid := old.uploader_id;
begin
    if chatschema.has_active_hold() then
        select m.sender_id into sender from public.messages as m where m.id = old.message_id;
        -- The message of a dropped month is gone: its attachment is released unless the hold kept it, which retire looks after.
        if (found or tg_op = 'DELETE') and chatschema.is_held(old.conversation_id, coalesce(sender, old.uploader_id), old.message_id) then
            raise exception 'attachment % belongs to a message under a hold: it stays as it is', old.id
                using errcode = 'integrity_constraint_violation', schema = 'public', table = 'attachments',
                hint = 'See the holds: chatschema hold list.';
        end if;
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
comment on function chatschema.keep_held_file() is
    'Trigger: the pointer to the file of a held message is neither deleted nor changed.';

-- With EXECUTE anybody could attach a security definer function to a table of their own and write as the owner.
revoke execute on function chatschema.keep_held_file() from public;

create trigger attachments_keep_held_file before delete on public.attachments
    for each row when (old.message_id is not null) execute function chatschema.keep_held_file();
create trigger attachments_keep_changed_held_file
    before update of message_id, conversation_id, storage_provider, storage_key, file_name_encrypted, size_bytes, sha256,
        is_encrypted, encryption_algorithm, encryption_nonce, key_version, state, purged_at
    on public.attachments
    for each row when (
        old.message_id is not null and (
            new.message_id is distinct from old.message_id or new.conversation_id <> old.conversation_id
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

comment on trigger attachments_keep_held_file on public.attachments is 'The file of a held message is not deleted.';
comment on trigger attachments_keep_changed_held_file on public.attachments is 'The file of a held message is not changed or unlinked.';
comment on trigger attachments_refuse_truncate_of_held on public.attachments is 'No truncate while a hold is active.';
