-- conversations: a new direct conversation gets its id from its two users.
-- Why: in a cluster the primary key is all that keeps a second conversation of the same two users away; ids cannot be changed later.
-- Risk: locks conversations against readers and writers until the commit; changes no row. An id that the insert gives is kept.
create function chatschema.set_direct_id() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    made constant uuid := chatschema.direct_id(new.direct_user_low, new.direct_user_high);
    locked constant integer := coalesce(nullif(current_setting('chatschema.locked_pairs', true), ''), '0')::integer;
begin
    -- Whoever gives an id refers to it already: an import, a restore, a client that makes ids.
    if new.id::text is distinct from current_setting('chatschema.new_conversation_id', true) then
        return new;
    end if;
    -- Both of two transactions would have the same id, and whoever comes second would fail on the primary key, not on the pair's; and
    -- also with ON CONFLICT on the pair. So the second waits here, as it would wait there. A lock is a place in shared memory:
    -- an import of thousands does without.
    if locked < 100 then
        perform pg_advisory_xact_lock(hashtextextended(made::text, 0)), set_config('chatschema.locked_pairs', (locked + 1)::text, true);
    end if;
    -- The unique key of the pair shall say that it exists. And what an erased conversation's id is recorded for must not meet a new one.
    if not exists (
        select from public.conversations as c where c.direct_user_low = new.direct_user_low and c.direct_user_high = new.direct_user_high
    ) and not exists (
        select from chatschema.erasures as e where e.subject_type = 'conversation' and e.subject_id = made
    ) then
        new.id := made;
    end if;
    return new;
end
$$;
comment on function chatschema.set_direct_id() is
    'Trigger: a new direct conversation whose id the database made gets that of its pair, chatschema.direct_id(); an id that was given is kept.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table.
revoke execute on function chatschema.set_direct_id() from public;

alter table public.conversations alter column id set default chatschema.new_conversation_id();

-- An ordinary trigger: a subscriber of logical replication keeps the ids that it is sent.
create trigger conversations_set_direct_id before insert on public.conversations
    for each row when (new.direct_user_low <= new.direct_user_high)
    execute function chatschema.set_direct_id();
comment on trigger conversations_set_direct_id on public.conversations is 'Gives a new direct conversation the id of its pair, unless the insert gives one.';

comment on column public.conversations.id is 'UUIDv7; of a direct conversation the UUIDv8 of its pair, chatschema.direct_id(), if the database made it. Older ones keep theirs.
pii=none';
