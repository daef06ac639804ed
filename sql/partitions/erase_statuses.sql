-- erase_statuses: erases the reactions of erased users, and those to erased messages.
-- Why: a reaction is personal data of the reader. The delivery also concerns the sender, and is kept.
update {partition} as t
set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = clock_timestamp()
where (t.reactions <> '{{}}' or t.reacted_at is not null or t.error_code is not null)
    and exists (
        select from chatschema.erasures as x
        where x.subject_type = 'user' and x.subject_id = t.user_id
            or x.subject_type = 'conversation' and x.subject_id = t.conversation_id
            or x.subject_type = 'message' and x.subject_id = t.message_id
    )
    and not exists (select from {messages} as m where m.id = t.message_id and {is_held})
