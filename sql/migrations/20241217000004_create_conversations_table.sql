-- conversations: where messages are said: direct (two people) or group.
-- Why: one direct conversation a pair of users, whoever starts it.
-- Risk: new table; adds foreign keys to users, which block writes to users for the moment of the commit.
create table public.conversations (
    id                  uuid        not null default chatschema.uuid7(),
    type                text        not null default 'group',
    title               text,
    avatar_url          text,
    direct_user_low     uuid,
    direct_user_high    uuid,
    created_by          uuid,
    settings            jsonb       not null default '{}',
    current_key_version integer     not null default 1,
    retention_days      integer,
    is_archived         boolean     not null default false,
    deleted_at          timestamptz,
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now(),
    constraint conversations_pkey primary key (id),
    constraint conversations_direct_pair_key unique (direct_user_low, direct_user_high),
    constraint conversations_direct_user_low_fkey
        foreign key (direct_user_low) references public.users (id) on delete restrict,
    constraint conversations_direct_user_high_fkey
        foreign key (direct_user_high) references public.users (id) on delete restrict,
    constraint conversations_created_by_fkey foreign key (created_by) references public.users (id) on delete set null,
    constraint conversations_type_check check (type in ('direct', 'group')),
    constraint conversations_direct_pair_check check (
        case type
            when 'direct' then direct_user_low is not null and direct_user_high is not null
                and direct_user_low <= direct_user_high
            else direct_user_low is null and direct_user_high is null
        end
    ),
    constraint conversations_title_length_check check (length(title) between 1 and 200),
    constraint conversations_settings_check check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 16384),
    constraint conversations_current_key_version_check check (current_key_version > 0),
    constraint conversations_retention_days_check check (retention_days > 0)
);

create index idx_conversations_direct_user_high on public.conversations (direct_user_high)
    where direct_user_high is not null;
create index idx_conversations_created_by on public.conversations (created_by);

create trigger conversations_set_updated_at before update on public.conversations
    for each row execute function chatschema.set_updated_at();

comment on table public.conversations is 'Where messages are said: direct (two people) or group.';
comment on column public.conversations.id is 'UUIDv7.';
comment on column public.conversations.type is 'direct or group.';
comment on column public.conversations.title is 'Name of a group; null for a direct conversation.';
comment on column public.conversations.avatar_url is 'Picture of a group.';
comment on column public.conversations.direct_user_low is 'Of a direct conversation: the smaller of the two user ids.';
comment on column public.conversations.direct_user_high is 'Of a direct conversation: the greater of the two user ids; the same for notes to self.';
comment on column public.conversations.created_by is 'Who started it; null once that user is gone.';
comment on column public.conversations.settings is 'The application''s settings, an object of at most 16 kB.';
comment on column public.conversations.current_key_version is 'Version of the conversation key that new messages use; raise it when a member leaves.';
comment on column public.conversations.retention_days is 'Messages older than this are deleted; null is the default of the installation.';
comment on column public.conversations.is_archived is 'Read only, out of the way.';
comment on column public.conversations.deleted_at is 'When it was closed for good; its messages leave by retention.';
comment on column public.conversations.created_at is 'When it was started.';
comment on column public.conversations.updated_at is 'Last change, kept by a trigger.';
comment on constraint conversations_pkey on public.conversations is 'One row a conversation.';
comment on constraint conversations_direct_pair_key on public.conversations is 'One direct conversation a pair of users.';
comment on constraint conversations_direct_user_low_fkey on public.conversations is 'Users are erased by pseudonym, not deleted while they take part.';
comment on constraint conversations_direct_user_high_fkey on public.conversations is 'Users are erased by pseudonym, not deleted while they take part.';
comment on constraint conversations_created_by_fkey on public.conversations is 'A conversation outlives its founder.';
comment on constraint conversations_type_check on public.conversations is 'The two kinds.';
comment on constraint conversations_direct_pair_check on public.conversations is 'A direct conversation names its pair, smaller id first; a group names none.';
comment on constraint conversations_title_length_check on public.conversations is '1 to 200 characters.';
comment on constraint conversations_settings_check on public.conversations is 'A JSON object of at most 16 kB.';
comment on constraint conversations_current_key_version_check on public.conversations is 'From 1.';
comment on constraint conversations_retention_days_check on public.conversations is 'At least a day.';
comment on index public.conversations_pkey is 'Look-up by id.';
comment on index public.conversations_direct_pair_key is 'Open or create the direct conversation of two users.';
comment on index public.idx_conversations_direct_user_high is 'Direct conversations of a user, the other half; deleting a user.';
comment on index public.idx_conversations_created_by is 'Conversations a user started; deleting a user.';
comment on trigger conversations_set_updated_at on public.conversations is 'Keeps updated_at.';
