-- hold_conversations: the conversations that a hold on a user covers, recorded when it is placed and whenever the user joins one.
-- Why: the scope of a hold must not shrink when somebody leaves a conversation or its participants are deleted.
-- Risk: new tables, and a trigger on conversation_participants, which waits for their writers for the moment of the commit.
-- An infinite bound made every query on holds fail. Null, which means no bound, covers more and never less.
alter table chatschema.holds disable trigger holds_refuse_change;
update chatschema.holds set from_at = case when isfinite(from_at) then from_at end, to_at = case when isfinite(to_at) then to_at end
where not isfinite(from_at) or not isfinite(to_at);
alter table chatschema.holds enable trigger holds_refuse_change;
alter table chatschema.holds add constraint holds_period_finite_check check (isfinite(from_at) and isfinite(to_at));

create table chatschema.hold_conversations (
    hold_id         bigint      not null,
    conversation_id uuid        not null,
    added_at        timestamptz not null default clock_timestamp(),
    constraint hold_conversations_pkey primary key (conversation_id, hold_id),
    constraint hold_conversations_hold_id_fkey foreign key (hold_id) references chatschema.holds (id)
);

create index idx_hold_conversations_hold_id on chatschema.hold_conversations (hold_id);

create table chatschema.last_hold (
    is_only_row     boolean     not null default true,
    placed_at       timestamptz,
    constraint last_hold_pkey primary key (is_only_row),
    constraint last_hold_one_row_check check (is_only_row)
);
insert into chatschema.last_hold (placed_at) select max(placed_at) from chatschema.holds;

-- A transaction that changes messages calls this first, and a transaction that places a hold waits for it. So a change either
-- commits before the hold is placed, or it sees the hold.
create function chatschema.has_active_hold() returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- Conflicts only with the lock of before_hold(). It is a weak lock, which needs no shared memory.
    lock table chatschema.holds in row share mode;
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        -- The snapshot may be older than the newest hold. Then this row was changed later, and locking it fails with 40001.
        perform from chatschema.last_hold for share;
        if not found then
            raise exception 'the snapshot is older than the record of holds'
                using errcode = 'serialization_failure', hint = 'Repeat the transaction.';
        end if;
    end if;
    return exists (select from chatschema.holds as h where h.released_at is null);
end
$$;
comment on function chatschema.has_active_hold() is
    'Whether any hold is active. No hold can be placed until the transaction ends. Raises 40001 if one was placed after the snapshot.';

-- The rule of the view held_scopes, with one query for each kind of scope, so that each uses an index: four look-ups, even with a thousand holds.
create function chatschema.is_held(conversation uuid, sender uuid, message uuid) returns boolean
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (
        select from chatschema.holds as h
        where h.released_at is null and h.conversation_id = conversation and (h.user_id is null or h.user_id = sender)
            and (h.from_at is null or message >= chatschema.uuid7_floor(h.from_at))
            and (h.to_at is null or message < chatschema.uuid7_floor(h.to_at))
    ) or exists (
        select from chatschema.holds as h
        where h.released_at is null and h.conversation_id is null and h.user_id = sender
            and (h.from_at is null or message >= chatschema.uuid7_floor(h.from_at))
            and (h.to_at is null or message < chatschema.uuid7_floor(h.to_at))
    ) or exists (
        select from chatschema.holds as h
        where h.released_at is null and h.conversation_id is null and h.user_id is null
            and (h.from_at is null or message >= chatschema.uuid7_floor(h.from_at))
            and (h.to_at is null or message < chatschema.uuid7_floor(h.to_at))
    ) or exists (
        select from chatschema.hold_conversations as c
        join chatschema.holds as h on h.id = c.hold_id
        where c.conversation_id = conversation and h.released_at is null
            and (h.from_at is null or message >= chatschema.uuid7_floor(h.from_at))
            and (h.to_at is null or message < chatschema.uuid7_floor(h.to_at))
    );
end
$$;
comment on function chatschema.is_held(uuid, uuid, uuid) is
    'Whether a message is under an active hold, by its conversation, sender and id: the rule of held_scopes for one message.';

create function chatschema.before_hold() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception 'a hold cannot be placed in a % transaction', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', hint = 'Begin with: begin isolation level read committed; or use chatschema hold add.';
    end if;
    -- Waits for the transactions that changed messages, or joined a conversation, and cannot see this hold.
    lock table chatschema.holds in exclusive mode;
    insert into chatschema.last_hold (placed_at) values (clock_timestamp())
    on conflict (is_only_row) do update set placed_at = excluded.placed_at;
    return null;
end
$$;
comment on function chatschema.before_hold() is
    'Trigger: waits, at most 5 seconds, for open transactions that changed messages and cannot see the new hold.';

create function chatschema.record_hold_conversations() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into chatschema.hold_conversations (hold_id, conversation_id)
    select new.id, p.conversation_id from public.conversation_participants as p
    where p.user_id = new.user_id and (new.conversation_id is null or new.conversation_id = p.conversation_id);
    return null;
end
$$;
comment on function chatschema.record_hold_conversations() is
    'Trigger: a new hold on a user covers all conversations that the user takes or took part in, and keeps covering them.';

create function chatschema.record_joined_conversation() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.has_active_hold() then
        insert into chatschema.hold_conversations (hold_id, conversation_id)
        select h.id, new.conversation_id from chatschema.holds as h
        where h.released_at is null and h.user_id = new.user_id
            and (h.conversation_id is null or h.conversation_id = new.conversation_id)
        on conflict do nothing;
        if found then
            -- As for a new hold: an older snapshot cannot see that the conversation is held now.
            update chatschema.last_hold set placed_at = clock_timestamp();
        end if;
    end if;
    return null;
end
$$;
comment on function chatschema.record_joined_conversation() is
    'Trigger: a hold covers a conversation that its user joins, also after the user leaves it.';

create function chatschema.refuse_hold_scope_change() returns trigger
    language plpgsql
as $$
begin
    raise exception '% of % is refused: the history of holds is evidence', lower(tg_op), tg_relid::regclass
        using errcode = 'insufficient_privilege', hint = 'Release a hold: chatschema hold release.';
end
$$;
comment on function chatschema.refuse_hold_scope_change() is 'Trigger: the record of a hold''s scope is kept after its release.';

-- With EXECUTE, anyone could attach these SECURITY DEFINER functions to their own table and write as the owner. And only the
-- owner may learn from them whether a message is held.
revoke execute on function
    chatschema.has_active_hold(), chatschema.is_held(uuid, uuid, uuid), chatschema.before_hold(),
    chatschema.record_hold_conversations(), chatschema.record_joined_conversation()
    from public;

create trigger holds_wait_for_changes before insert on chatschema.holds
    for each statement execute function chatschema.before_hold();
create trigger last_hold_refuse_delete before delete on chatschema.last_hold
    for each row execute function chatschema.refuse_hold_scope_change();
create trigger last_hold_refuse_truncate before truncate on chatschema.last_hold
    for each statement execute function chatschema.refuse_hold_scope_change();
create trigger holds_record_conversations after insert on chatschema.holds
    for each row when (new.user_id is not null) execute function chatschema.record_hold_conversations();
create trigger holds_refuse_truncate before truncate on chatschema.holds
    for each statement execute function chatschema.refuse_hold_scope_change();
create trigger hold_conversations_refuse_change before update or delete on chatschema.hold_conversations
    for each row execute function chatschema.refuse_hold_scope_change();
create trigger hold_conversations_refuse_truncate before truncate on chatschema.hold_conversations
    for each statement execute function chatschema.refuse_hold_scope_change();
create trigger conversation_participants_record_held after insert or update of conversation_id, user_id
    on public.conversation_participants
    for each row execute function chatschema.record_joined_conversation();

-- Holds of the previous release covered the current participants.
insert into chatschema.hold_conversations (hold_id, conversation_id)
select h.id, p.conversation_id from chatschema.holds as h
join public.conversation_participants as p on p.user_id = h.user_id and (h.conversation_id is null or h.conversation_id = p.conversation_id)
where h.released_at is null;

-- Not materialized, so that a condition on the conversation or the sender can use the index.
create or replace view chatschema.held_scopes as
with active as not materialized (
    select
        id, conversation_id, user_id,
        coalesce(chatschema.uuid7_floor(from_at), '00000000-0000-0000-0000-000000000000') as low,
        coalesce(chatschema.uuid7_floor(to_at), 'ffffffff-ffff-ffff-ffff-ffffffffffff') as high
    from chatschema.holds
    where released_at is null
)
select id as hold_id, conversation_id, user_id as sender_id, low, high from active
union all
select a.id, c.conversation_id, null, a.low, a.high
from active as a
join chatschema.hold_conversations as c on c.hold_id = a.id;

comment on constraint holds_period_finite_check on chatschema.holds is 'Null means no bound; infinity is not allowed.';
comment on table chatschema.hold_conversations is 'The conversations that a hold on a user covers; rows are only added.';
comment on column chatschema.hold_conversations.hold_id is 'The hold.';
comment on column chatschema.hold_conversations.conversation_id is 'A conversation the user takes or took part in. No foreign key: a hold outlives what it names.';
comment on column chatschema.hold_conversations.added_at is 'When the hold was placed, or the user joined the conversation.';
comment on constraint hold_conversations_pkey on chatschema.hold_conversations is 'One row for each hold and conversation.';
comment on constraint hold_conversations_hold_id_fkey on chatschema.hold_conversations is 'The hold. Holds are never deleted.';
comment on index chatschema.hold_conversations_pkey is 'Whether a message is held, by its conversation.';
comment on index chatschema.idx_hold_conversations_hold_id is 'The conversations of a hold.';
comment on trigger hold_conversations_refuse_change on chatschema.hold_conversations is 'Rows are only added.';
comment on trigger hold_conversations_refuse_truncate on chatschema.hold_conversations is 'Rows are only added.';
comment on table chatschema.last_hold is 'One row, updated whenever a hold covers more: a transaction with an older snapshot cannot lock it.';
comment on column chatschema.last_hold.is_only_row is 'Always true.';
comment on column chatschema.last_hold.placed_at is 'When a hold was last placed, or a held user last joined a conversation.';
comment on constraint last_hold_pkey on chatschema.last_hold is 'One row.';
comment on constraint last_hold_one_row_check on chatschema.last_hold is 'One row.';
comment on index chatschema.last_hold_pkey is 'One row.';
comment on trigger last_hold_refuse_delete on chatschema.last_hold is 'The row must exist.';
comment on trigger last_hold_refuse_truncate on chatschema.last_hold is 'The row must exist.';
comment on trigger holds_wait_for_changes on chatschema.holds is 'Waits for changes of messages that cannot see the new hold.';
comment on trigger holds_record_conversations on chatschema.holds is 'Records the conversations of a held user.';
comment on trigger holds_refuse_truncate on chatschema.holds is 'Holds are only placed and released.';
comment on trigger conversation_participants_record_held on public.conversation_participants is
    'A hold covers a conversation that its user joins. Costs one look-up while no hold is active.';
