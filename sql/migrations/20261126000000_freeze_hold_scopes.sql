-- hold_conversations: the conversations that a hold on a user covers, recorded when it is placed and whenever the user joins one.
-- Why: the scope of a hold must not shrink when somebody leaves a conversation or its participants are deleted.
-- Risk: new tables, and a trigger on conversation_participants, which waits for their writers for the moment of the commit.
-- Infinity stopped every question about holds. Without a bound a hold covers more, never less.
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

-- Whoever changes messages asks this first, and whoever places a hold waits for them: of a change and a hold that meet, either
-- the change has committed before the hold is placed, or it sees the hold.
create function chatschema.has_active_hold() returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- Conflicts with the lock of before_hold() and with nothing else that anybody takes. A weak lock: no shared memory is touched.
    lock table chatschema.holds in row share mode;
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        -- The snapshot may be older than the newest hold. Then this row has changed since, and locking it fails with 40001.
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
    'Whether any hold is active; until the end of the transaction nobody places one. Raises 40001 when one was placed after the snapshot.';

-- As the view held_scopes has it, each kind of scope by the index that serves it: with a thousand holds it is still four look-ups.
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
    'Whether a message is under an active hold, by its conversation, sender and id; the rule of held_scopes, for one message.';

create function chatschema.before_hold() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception 'a hold cannot be placed in a transaction that is %', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', hint = 'Begin with: begin isolation level read committed; or use chatschema hold add.';
    end if;
    -- Waits for the transactions that changed messages, or joined a conversation, without knowing of this hold.
    lock table chatschema.holds in exclusive mode;
    insert into chatschema.last_hold (placed_at) values (clock_timestamp())
    on conflict (is_only_row) do update set placed_at = excluded.placed_at;
    return null;
end
$$;
comment on function chatschema.before_hold() is
    'Trigger: a hold is placed when no transaction is open that changed messages without knowing of it. Waits at most 5 seconds.';

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
    'Trigger: the conversations that the user of a new hold takes or took part in belong to the hold from now on.';

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
            -- As for a new hold: an older snapshot does not know that the conversation is held now.
            update chatschema.last_hold set placed_at = clock_timestamp();
        end if;
    end if;
    return null;
end
$$;
comment on function chatschema.record_joined_conversation() is
    'Trigger: a conversation that a held user joins belongs to the hold from now on, also after they leave.';

create function chatschema.refuse_hold_scope_change() returns trigger
    language plpgsql
as $$
begin
    raise exception '% of % is refused: the history of holds is evidence', lower(tg_op), tg_relid::regclass
        using errcode = 'insufficient_privilege', hint = 'Release a hold: chatschema hold release.';
end
$$;
comment on function chatschema.refuse_hold_scope_change() is 'Trigger: what a hold covered stays on record after its release.';

-- With EXECUTE anybody could attach a security definer function to a table of their own and write as the owner. And nobody
-- but the owner learns from these functions whether something is held.
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

-- The holds of the previous release covered the participants of today.
insert into chatschema.hold_conversations (hold_id, conversation_id)
select h.id, p.conversation_id from chatschema.holds as h
join public.conversation_participants as p on p.user_id = h.user_id and (h.conversation_id is null or h.conversation_id = p.conversation_id)
where h.released_at is null;

-- Not materialized: a condition on the conversation or the sender is to reach the index.
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

comment on constraint holds_period_finite_check on chatschema.holds is 'Null, not infinity, is without a bound.';
comment on table chatschema.hold_conversations is 'The conversations that a hold on a user covers; only ever added to.';
comment on column chatschema.hold_conversations.hold_id is 'The hold.';
comment on column chatschema.hold_conversations.conversation_id is 'A conversation the user takes or took part in. No foreign key: a hold outlives what it names.';
comment on column chatschema.hold_conversations.added_at is 'When it came into the scope: the hold was placed, or the user joined.';
comment on constraint hold_conversations_pkey on chatschema.hold_conversations is 'One row a hold and conversation.';
comment on constraint hold_conversations_hold_id_fkey on chatschema.hold_conversations is 'A scope belongs to a hold, and holds are never deleted.';
comment on index chatschema.hold_conversations_pkey is 'Whether a message is held: by its conversation.';
comment on index chatschema.idx_hold_conversations_hold_id is 'What a hold covers.';
comment on trigger hold_conversations_refuse_change on chatschema.hold_conversations is 'Rows are added, nothing else.';
comment on trigger hold_conversations_refuse_truncate on chatschema.hold_conversations is 'Rows are added, nothing else.';
comment on table chatschema.last_hold is 'One row, updated whenever more is held: a transaction whose snapshot is older cannot lock it.';
comment on column chatschema.last_hold.is_only_row is 'Always true.';
comment on column chatschema.last_hold.placed_at is 'When a hold was placed, or a held user joined a conversation, last.';
comment on constraint last_hold_pkey on chatschema.last_hold is 'One row.';
comment on constraint last_hold_one_row_check on chatschema.last_hold is 'One row.';
comment on index chatschema.last_hold_pkey is 'One row.';
comment on trigger last_hold_refuse_delete on chatschema.last_hold is 'The row is always there.';
comment on trigger last_hold_refuse_truncate on chatschema.last_hold is 'The row is always there.';
comment on trigger holds_wait_for_changes on chatschema.holds is 'Waits for changes of messages that do not know of the new hold.';
comment on trigger holds_record_conversations on chatschema.holds is 'Records the conversations of a held user.';
comment on trigger holds_refuse_truncate on chatschema.holds is 'A hold is placed and released, nothing else.';
comment on trigger conversation_participants_record_held on public.conversation_participants is
    'A conversation that a held user joins belongs to the hold. Costs one look-up while no hold is active.';
