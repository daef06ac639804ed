-- holds: what must not be removed, who asked for that and why.
-- Why: retention, by month and by row, asks here in the transaction that removes; the history of holds is itself evidence.
-- Risk: new table; takes no lock on existing data.
create table chatschema.holds (
    id              bigint      not null generated always as identity,
    conversation_id uuid,
    user_id         uuid,
    from_at         timestamptz,
    to_at           timestamptz,
    reason          text        not null,
    placed_by       text        not null default session_user,
    placed_at       timestamptz not null default clock_timestamp(),
    released_by     text,
    released_at     timestamptz,
    release_reason  text,
    constraint holds_pkey primary key (id),
    constraint holds_reason_check check (length(reason) between 1 and 1000),
    constraint holds_period_check check (from_at < to_at),
    constraint holds_released_check
        check ((released_at is null) = (released_by is null) and (released_at is null) = (release_reason is null))
);

create index idx_holds_active on chatschema.holds (conversation_id, user_id) where released_at is null;

create function chatschema.refuse_hold_change() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'UPDATE' and old.released_at is null and new.released_at is not null
        and (to_jsonb(new) - array['released_by', 'released_at', 'release_reason'])
            = (to_jsonb(old) - array['released_by', 'released_at', 'release_reason'])
    then
        return new;
    end if;
    raise exception 'hold % can only be released, once', old.id
        using errcode = 'insufficient_privilege', hint = 'Release it and add another: chatschema hold release, chatschema hold add.';
end
$$;
comment on function chatschema.refuse_hold_change() is 'Trigger: a hold is placed and released; nothing else ever happens to its row.';

create trigger holds_refuse_change before update or delete on chatschema.holds
    for each row execute function chatschema.refuse_hold_change();

-- One row says: messages of this conversation, or by this sender, or both; null is all. A user is held as a custodian:
-- what they sent, and what was said where they take or took part.
create view chatschema.held_scopes as
with active as (
    select
        id, conversation_id, user_id,
        coalesce(chatschema.uuid7_floor(from_at), '00000000-0000-0000-0000-000000000000') as low,
        coalesce(chatschema.uuid7_floor(to_at), 'ffffffff-ffff-ffff-ffff-ffffffffffff') as high
    from chatschema.holds
    where released_at is null
)
select id as hold_id, conversation_id, user_id as sender_id, low, high from active
union all
select a.id, p.conversation_id, null, a.low, a.high
from active as a
join public.conversation_participants as p on p.user_id = a.user_id
where a.conversation_id is null or a.conversation_id = p.conversation_id;

comment on table chatschema.holds is 'What must not be removed, who asked for that and why.';
comment on column chatschema.holds.id is 'What hold release asks for.';
comment on column chatschema.holds.conversation_id is 'Only messages of this conversation; null is any. No foreign key: a hold outlives what it names.';
comment on column chatschema.holds.user_id is 'Only messages that this user sent or could read; null is anybody''s.';
comment on column chatschema.holds.from_at is 'Only messages from this moment on; null is from the beginning.';
comment on column chatschema.holds.to_at is 'Only messages before this moment; null is without end.';
comment on column chatschema.holds.reason is 'Why, for example the number of the case.';
comment on column chatschema.holds.placed_by is 'Who placed it.';
comment on column chatschema.holds.placed_at is 'When it was placed.';
comment on column chatschema.holds.released_by is 'Who released it.';
comment on column chatschema.holds.released_at is 'When it was released; null while it holds.';
comment on column chatschema.holds.release_reason is 'Why it was released.';
comment on constraint holds_pkey on chatschema.holds is 'One row a hold.';
comment on constraint holds_reason_check on chatschema.holds is '1 to 1000 characters.';
comment on constraint holds_period_check on chatschema.holds is 'A period has a length.';
comment on constraint holds_released_check on chatschema.holds is 'A release says when, who and why.';
comment on index chatschema.holds_pkey is 'Look-up by id.';
comment on index chatschema.idx_holds_active is 'What holds now, for retention.';
comment on trigger holds_refuse_change on chatschema.holds is 'A hold is placed and released, nothing else.';
comment on view chatschema.held_scopes is 'What holds now: a message is held when a row matches its conversation, its sender and its id (low <= id < high).';
