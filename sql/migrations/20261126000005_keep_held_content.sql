-- messages: what is under a hold keeps its content, edit history and sender.
-- Why: retention asks the holds before it removes anything; the application does not, so the database does.
-- Risk: a new trigger; waits for writers of messages for the moment of the commit.
create function chatschema.keep_held_content() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    if not chatschema.has_active_hold() or not chatschema.is_held(old.conversation_id, old.sender_id, old.id) then
        return new;
    end if;
    if new.sender_id is not distinct from old.sender_id and new.is_deleted then
        -- A tombstone: nobody notices the hold. What it was to remove is removed when the hold is released.
        insert into chatschema.deferred_erasures (message_id, origin) values (old.id, 'tombstone') on conflict do nothing;
        new.content_encrypted := old.content_encrypted;
        new.content_nonce := old.content_nonce;
        new.content_algorithm := old.content_algorithm;
        new.key_version := old.key_version;
        new.sender_key_id := old.sender_key_id;
        new.edit_history := old.edit_history;
        return new;
    end if;
    -- An edit whose history has what was there before loses nothing; the history holds bytes as base64 or hex.
    if new.sender_id is not distinct from old.sender_id and new.edit_history @> old.edit_history and (
        new.content_encrypted is not distinct from old.content_encrypted
            and new.content_nonce is not distinct from old.content_nonce
            and new.content_algorithm is not distinct from old.content_algorithm
            and new.key_version is not distinct from old.key_version
        or old.content_encrypted is null
        or strpos(new.edit_history::text, translate(encode(old.content_encrypted, 'base64'), e'\n', '')) > 0
        or strpos(new.edit_history::text, encode(old.content_encrypted, 'hex')) > 0
    ) then
        return new;
    end if;
    raise exception 'message % is under a hold: its content, edit history and sender stay', old.id
        using errcode = 'integrity_constraint_violation', schema = 'public', table = 'messages',
        hint = 'Append the previous content to edit_history, in base64, in the same update.';
end
$$;
comment on function chatschema.keep_held_content() is
    'Trigger: a tombstone of a held message keeps the content until the release; an edit must keep the previous content in edit_history.';

-- With EXECUTE anybody could attach a security definer function to a table of their own and write as the owner.
revoke execute on function chatschema.keep_held_content() from public;

create trigger messages_keep_held_content
    before update of content_encrypted, content_nonce, content_algorithm, key_version, sender_key_id, edit_history, sender_id
    on public.messages
    for each row when (
        new.content_encrypted is distinct from old.content_encrypted or new.content_nonce is distinct from old.content_nonce
        or new.content_algorithm is distinct from old.content_algorithm or new.key_version is distinct from old.key_version
        or new.sender_key_id is distinct from old.sender_key_id or new.edit_history is distinct from old.edit_history
        or new.sender_id is distinct from old.sender_id
    )
    execute function chatschema.keep_held_content();

comment on trigger messages_keep_held_content on public.messages is
    'Content, edit history and sender of a held message stay. Runs only for updates that change one of them.';
