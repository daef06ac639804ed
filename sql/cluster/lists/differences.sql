-- differences: the rows of the lists of some users that are not what the conversations say: missing, extra or stale.
-- Why: both sides are read once, each where it is, and compared on one node; so no row is read twice.
with due as materialized (
    select * from chatschema.current_lists as t where {users}
),
listed as materialized (
    select * from chatschema.user_conversations as t where {users}
)
select
    coalesce(d.user_id, l.user_id), coalesce(d.conversation_id, l.conversation_id),
    case when l.user_id is null then 'missing' when d.user_id is null then 'extra' else 'stale' end
from due as d
full join listed as l on l.user_id = d.user_id and l.conversation_id = d.conversation_id
where l.user_id is null or d.user_id is null or (
    d.type, d.title, d.avatar_url, d.other_user_id, d.last_message_id, d.last_message_at, d.last_read_message_id, d.unread,
    d.is_pinned, d.notification_level, d.muted_until, d.is_archived
) is distinct from (
    l.type, l.title, l.avatar_url, l.other_user_id, l.last_message_id, l.last_message_at, l.last_read_message_id, l.unread,
    l.is_pinned, l.notification_level, l.muted_until, l.is_archived
)
order by 1, 2
