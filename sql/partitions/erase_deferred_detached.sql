-- erase_deferred_detached: carries out deferred erasures in the tables of a detached month, before it is archived.
-- Why: an archive is a copy, and must not contain content that was erased under a hold that is released now.
with due as (
    select d.message_id, d.user_id, d.origin, d.erased_at from chatschema.deferred_erasures as d
    join {messages} as m on m.id = d.message_id
    where not {is_held}
), contents as (
    update {messages} as m
    set content_encrypted = null, content_nonce = null, edit_history = '[]', is_deleted = true,
        deleted_at = coalesce(m.deleted_at, d.erased_at), updated_at = clock_timestamp()
    from due as d
    where d.user_id is null and m.id = d.message_id and (d.origin = 'restore' or m.is_deleted)
), reactions as (
    update {statuses} as s
    set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = clock_timestamp()
    from due as d
    where s.message_id = d.message_id and s.user_id = d.user_id
), files as (
    update public.attachments as a set message_id = null
    from due as d
    where d.user_id is null and d.origin = 'restore' and a.message_id = d.message_id
)
delete from chatschema.deferred_erasures as e using due as d
where e.message_id = d.message_id and e.user_id is not distinct from d.user_id
