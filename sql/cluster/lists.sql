-- lists: each user's list of conversations, by user_id; what changes it waits on the shards of the conversations.
-- Why: asked of every shard, the list costs 80 to 140 times as much as on one server. Here it is one statement to one shard.

create table chatschema.user_conversations (
    user_id              uuid        not null,
    conversation_id      uuid        not null,
    type                 text        not null,
    title                text,
    avatar_url           text,
    other_user_id        uuid,
    last_message_id      uuid,
    last_message_at      timestamptz,
    last_read_message_id uuid,
    unread               integer     not null,
    is_pinned            boolean     not null,
    notification_level   text        not null,
    muted_until          timestamptz,
    is_archived          boolean     not null,
    constraint user_conversations_pkey primary key (user_id, conversation_id)
) with (fillfactor = 80);
alter table chatschema.user_conversations enable row level security;

comment on table chatschema.user_conversations is 'The conversations that a user takes part in, each with its newest message; kept by chatschema cluster relay, written by nobody else.';

create table chatschema.list_changes (
    id              uuid not null,
    conversation_id uuid not null,
    user_id         uuid,
    constraint list_changes_pkey primary key (id, conversation_id)
);

comment on table chatschema.list_changes is 'Conversations whose lists have to be renewed, beside them on their shards; chatschema cluster relay takes each once.';

create table chatschema.list_months (
    position        integer not null generated always as identity,
    kind            text    not null,
    low             uuid    not null,
    high            uuid    not null,
    user_id         uuid    not null default '00000000-0000-0000-0000-000000000000',
    conversation_id uuid    not null default '00000000-0000-0000-0000-000000000000',
    constraint list_months_pkey primary key (position)
);

comment on table chatschema.list_months is 'Months that were retired or restored, and how far chatschema cluster relay has come with the lists that they change.';

-- What the lists have to be: as they are computed at a distribution, by the relay, and to verify them.
create view chatschema.current_lists as
select
    p.user_id, p.conversation_id, c.type, c.title, c.avatar_url,
    case when c.type = 'direct' then case p.user_id when c.direct_user_low then c.direct_user_high else c.direct_user_low end end as other_user_id,
    case when newest.ids[1] >= chatschema.uuid7_floor(coalesce(p.reads_from, p.joined_at)) then newest.ids[1] end as last_message_id,
    case when newest.ids[1] >= chatschema.uuid7_floor(coalesce(p.reads_from, p.joined_at)) then chatschema.uuid7_time(newest.ids[1]) end
        as last_message_at,
    p.last_read_message_id,
    (
        select count(*)::integer from unnest(newest.ids) as m (id)
        where m.id > coalesce(p.last_read_message_id, '00000000-0000-0000-0000-000000000000')
            and m.id >= chatschema.uuid7_floor(coalesce(p.reads_from, p.joined_at))
    ) as unread,
    p.is_pinned, p.notification_level, p.muted_until, c.is_archived
from public.conversations as c
join public.conversation_participants as p on p.conversation_id = c.id
cross join lateral (
    select array_agg(m.id order by m.id desc) as ids
    from (select m.id from public.messages as m where m.conversation_id = c.id order by m.id desc limit 100) as m
) as newest
where p.left_at is null and c.deleted_at is null;

comment on view chatschema.current_lists is 'The rows that chatschema.user_conversations has to have, read from the conversations themselves: asks every shard.';

insert into chatschema.user_conversations select * from chatschema.current_lists;

comment on column chatschema.user_conversations.user_id is 'Whose list; the shard it is on.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.conversation_id is 'The conversation. The user has not left it, and it is not deleted.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.type is 'direct or group.
pii=none';
comment on column chatschema.user_conversations.title is 'Name of a group; null for a direct conversation.
pii=content; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.avatar_url is 'Picture of a group.
pii=content; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.other_user_id is 'Of a direct conversation: the other user.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.last_message_id is 'The newest message that the user may read; deleted ones count, as in a page. Null without one.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.last_message_at is 'The time of that message.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.last_read_message_id is 'Newest message read; later ids are unread.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.unread is 'Messages after the newest one read; 100 means 100 or more.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.is_pinned is 'Whether it is at the top of the user''s list.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.notification_level is 'all, mentions or none.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.muted_until is 'No notification before this.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.user_conversations.is_archived is 'Whether it is read-only and hidden from the list.
pii=none';
comment on column chatschema.list_changes.id is 'UUIDv7: changes are taken in this order.
pii=none';
comment on column chatschema.list_changes.conversation_id is 'The conversation; the shard it is on.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.list_changes.user_id is 'The only user whose list has to be renewed; null for all who take part.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.list_months.position is 'In which order they are dealt with.
pii=none';
comment on column chatschema.list_months.kind is 'The kind of the event: month.retired or month.restored.
pii=none';
comment on column chatschema.list_months.low is 'The lowest id of the month.
pii=none';
comment on column chatschema.list_months.high is 'The highest id of the month.
pii=none';
comment on column chatschema.list_months.user_id is 'The last user that was dealt with.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.list_months.conversation_id is 'The last conversation that was dealt with.
pii=activity; purpose=chat; basis=contract; keep=conversation';
