-- erase_deferred: carries out erasures that a hold had deferred.
-- Why: it erases content and history of the messages, and reactions of the statuses. It releases a file only if the erasure was
-- recorded: the application manages the files of messages that it deletes itself.
with due (message_id, user_id, origin, erased_at) as (
    select * from unnest({messages}::uuid[], {users}::uuid[], {origins}::text[], {times}::timestamptz[])
), contents as (
    update public.messages as m
    set content_encrypted = null, content_nonce = null, edit_history = '[]', is_deleted = true,
        deleted_at = coalesce(m.deleted_at, d.erased_at), updated_at = clock_timestamp()
    from due as d
    where d.user_id is null and m.id = d.message_id and m.id between {first} and {last}
        -- If the application has undone its delete, the message is not deleted any more.
        and (d.origin = 'restore' or m.is_deleted)
        and (m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted)
), reactions as (
    update public.message_statuses as s
    set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = clock_timestamp()
    from due as d
    where s.message_id = d.message_id and s.user_id = d.user_id and s.message_id between {first} and {last}
), files as (
    update public.attachments as a set message_id = null
    from due as d
    where d.user_id is null and d.origin = 'restore' and a.message_id = d.message_id
)
delete from chatschema.deferred_erasures as e using due as d
where e.message_id = d.message_id and e.user_id is not distinct from d.user_id
