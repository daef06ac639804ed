-- messages: a message under a hold keeps its content, edit history and sender.
-- Why: retention checks the holds before it deletes; the application does not, so the database does.
-- Risk: a new trigger; waits for writers of messages for the moment of the commit.
create function chatschema.keeps_version(kept jsonb, content bytea, nonce bytea, algorithm text, key_version integer, sender_key uuid)
    returns boolean
    language sql immutable set search_path = pg_catalog, pg_temp
as $$
    -- The entries contain each of the values in full; bytes as base64 or hex.
    select bool_and(
        w.value is null or jsonb_path_exists(kept, '$.** ? (@ == $one || @ == $other)', jsonb_build_object('one', w.value, 'other', w.other))
    )
    from (
        values
            (to_jsonb(translate(encode(content, 'base64'), e'\n', '')), to_jsonb(encode(content, 'hex'))),
            (to_jsonb(translate(encode(nonce, 'base64'), e'\n', '')), to_jsonb(encode(nonce, 'hex'))),
            (to_jsonb(algorithm), to_jsonb(algorithm)),
            (to_jsonb(key_version), to_jsonb(key_version)),
            (to_jsonb(sender_key::text), to_jsonb(sender_key::text))
    ) as w (value, other)
$$;
comment on function chatschema.keeps_version(jsonb, bytea, bytea, text, integer, uuid) is
    'Whether entries of edit_history contain all values of a previous version; null means nothing to keep.';

create function chatschema.keep_held_content() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    old_length constant integer := jsonb_array_length(old.edit_history);
    kept jsonb;
    appended jsonb;
begin
    -- Two statements, so that the second has a snapshot that is newer than the lock of the first.
    if not chatschema.has_active_hold() then
        return new;
    end if;
    if not chatschema.is_held(old.conversation_id, old.sender_id, old.id) then
        return new;
    end if;
    if new.sender_id is not distinct from old.sender_id and new.is_deleted
        and (new.content_encrypted is null or jsonb_array_length(new.edit_history) < old_length)
    then
        -- A tombstone does not reveal the hold. The content is erased when the hold is released.
        insert into chatschema.deferred_erasures (message_id, origin) values (old.id, 'tombstone') on conflict do nothing;
        new.content_encrypted := old.content_encrypted;
        new.content_nonce := old.content_nonce;
        new.content_algorithm := old.content_algorithm;
        new.key_version := old.key_version;
        new.sender_key_id := old.sender_key_id;
        new.edit_history := old.edit_history;
        return new;
    end if;
    -- An edit that keeps the earlier history and appends the previous version loses nothing.
    select coalesce(jsonb_agg(e.entry order by e.n) filter (where e.n <= old_length), '[]'),
        coalesce(jsonb_agg(e.entry order by e.n) filter (where e.n > old_length), '[]')
        into kept, appended
    from jsonb_array_elements(new.edit_history) with ordinality as e (entry, n);
    if new.sender_id is not distinct from old.sender_id and kept = old.edit_history and chatschema.keeps_version(
        appended,
        case when new.content_encrypted is distinct from old.content_encrypted then old.content_encrypted end,
        case when new.content_nonce is distinct from old.content_nonce then old.content_nonce end,
        case when new.content_algorithm is distinct from old.content_algorithm then old.content_algorithm end,
        case when new.key_version is distinct from old.key_version then old.key_version end,
        case when new.sender_key_id is distinct from old.sender_key_id then old.sender_key_id end
    ) then
        return new;
    end if;
    raise exception 'message % is under a hold: its content, edit history and sender cannot be changed', old.id
        using errcode = 'integrity_constraint_violation', schema = 'public', table = 'messages',
        hint = 'Append the previous version to edit_history in the same update: content and nonce in base64, algorithm, key_version and sender_key_id if they change.';
end
$$;
comment on function chatschema.keep_held_content() is
    'Trigger: a tombstone of a held message keeps the content until the hold is released; an edit must keep the previous content in edit_history.';

-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
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
    'Content, edit history and sender of a held message cannot be changed. Runs only for updates that change one of them.';
