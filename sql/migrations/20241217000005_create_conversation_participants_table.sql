-- conversation_participants: who takes part in what, with which role and which wrapped key.
-- Why: access, unread counts and end-to-end keys are all questions about this row.
-- Risk: new table; adds foreign keys to three tables, which block writes to them for the moment of the commit.
create table public.conversation_participants (
    conversation_id             uuid        not null,
    user_id                     uuid        not null,
    role                        text        not null default 'member',
    encrypted_key               bytea,
    key_nonce                   bytea,
    key_algorithm               text,
    key_version                 integer,
    public_key_id               uuid,
    last_read_message_id        uuid,
    last_delivered_message_id   uuid,
    notification_level          text        not null default 'all',
    muted_until                 timestamptz,
    is_pinned                   boolean     not null default false,
    joined_at                   timestamptz not null default now(),
    left_at                     timestamptz,
    created_at                  timestamptz not null default now(),
    updated_at                  timestamptz not null default now(),
    constraint conversation_participants_pkey primary key (conversation_id, user_id),
    constraint conversation_participants_conversation_id_fkey
        foreign key (conversation_id) references public.conversations (id) on delete restrict,
    constraint conversation_participants_user_id_fkey
        foreign key (user_id) references public.users (id) on delete restrict,
    constraint conversation_participants_public_key_id_fkey
        foreign key (public_key_id) references public.user_public_keys (id) on delete set null,
    constraint conversation_participants_role_check check (role in ('admin', 'moderator', 'member')),
    constraint conversation_participants_encrypted_key_check check (
        (encrypted_key is null or key_algorithm is not null and key_version is not null)
        and octet_length(encrypted_key) <= 8192
    ),
    constraint conversation_participants_key_version_check check (key_version > 0),
    constraint conversation_participants_notification_level_check
        check (notification_level in ('all', 'mentions', 'none')),
    constraint conversation_participants_left_at_check check (left_at >= joined_at - interval '1 minute')
);

create index idx_conversation_participants_user_id on public.conversation_participants (user_id, conversation_id);
create index idx_conversation_participants_public_key_id on public.conversation_participants (public_key_id);

create trigger conversation_participants_set_updated_at before update on public.conversation_participants
    for each row execute function chatschema.set_updated_at();

comment on table public.conversation_participants is 'Who takes part in what, with which role and which wrapped key.';
comment on column public.conversation_participants.conversation_id is 'In which conversation.';
comment on column public.conversation_participants.user_id is 'Who.';
comment on column public.conversation_participants.role is 'admin, moderator or member, in this conversation.';
comment on column public.conversation_participants.encrypted_key is 'The conversation key wrapped for this user''s public key; null once shredded.';
comment on column public.conversation_participants.key_nonce is 'Nonce of the wrapping, where the algorithm has one apart from the ciphertext.';
comment on column public.conversation_participants.key_algorithm is 'How the key is wrapped, for example x25519-sealed-box.';
comment on column public.conversation_participants.key_version is 'Version of the conversation key in encrypted_key.';
comment on column public.conversation_participants.public_key_id is 'For which public key it is wrapped.';
comment on column public.conversation_participants.last_read_message_id is 'Newest message read; unread are the ids after it. No foreign key: months leave by retention.';
comment on column public.conversation_participants.last_delivered_message_id is 'Newest message that reached a device of the user.';
comment on column public.conversation_participants.notification_level is 'all, mentions or none.';
comment on column public.conversation_participants.muted_until is 'No notification before this.';
comment on column public.conversation_participants.is_pinned is 'Kept on top of the user''s list.';
comment on column public.conversation_participants.joined_at is 'From when the user may read.';
comment on column public.conversation_participants.left_at is 'When the user left; null while a member.';
comment on column public.conversation_participants.created_at is 'When the row was made.';
comment on column public.conversation_participants.updated_at is 'Last change, kept by a trigger.';
comment on constraint conversation_participants_pkey on public.conversation_participants is 'A user takes part once.';
comment on constraint conversation_participants_conversation_id_fkey on public.conversation_participants is 'A conversation is emptied in batches before it is deleted.';
comment on constraint conversation_participants_user_id_fkey on public.conversation_participants is 'Users are erased by pseudonym, not deleted while they take part.';
comment on constraint conversation_participants_public_key_id_fkey on public.conversation_participants is 'Deleting a key leaves the membership.';
comment on constraint conversation_participants_role_check on public.conversation_participants is 'The roles of a conversation.';
comment on constraint conversation_participants_encrypted_key_check on public.conversation_participants is 'A wrapped key says how and which version; at most 8 kB.';
comment on constraint conversation_participants_key_version_check on public.conversation_participants is 'From 1.';
comment on constraint conversation_participants_notification_level_check on public.conversation_participants is 'The levels of notification.';
comment on constraint conversation_participants_left_at_check on public.conversation_participants is 'Nobody leaves before joining; a minute covers the clocks of application and server.';
comment on index public.conversation_participants_pkey is 'Members of a conversation; is this user a member.';
comment on index public.idx_conversation_participants_user_id is 'My conversations; deleting a user.';
comment on index public.idx_conversation_participants_public_key_id is 'What to wrap anew when a key is rotated; deleting a key.';
comment on trigger conversation_participants_set_updated_at on public.conversation_participants is 'Keeps updated_at.';
