-- message_statuses: reactions to a message under a hold cannot be removed.
-- Why: as for its content. A migration for each table, so that it cannot deadlock with a transaction that writes to both.
-- Risk: a new trigger; waits for writers of message_statuses for the moment of the commit.
create function chatschema.keep_held_reactions() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- Two statements, so that the second has a snapshot that is newer than the lock of the first.
    if not chatschema.has_active_hold() then
        return new;
    end if;
    if exists (
        select from public.messages as m
        where m.id = old.message_id and chatschema.is_held(m.conversation_id, m.sender_id, m.id)
    ) then
        raise exception 'message % is under a hold: its reactions cannot be removed', old.message_id
            using errcode = 'integrity_constraint_violation', schema = 'public', table = 'message_statuses', column = 'reactions',
            hint = 'Reactions may be added.';
    end if;
    return new;
end
$$;
comment on function chatschema.keep_held_reactions() is 'Trigger: reactions to a held message can be added, but not removed.';

-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.keep_held_reactions() from public;

create trigger message_statuses_keep_held_reactions before update of reactions on public.message_statuses
    for each row when (not new.reactions @> old.reactions) execute function chatschema.keep_held_reactions();

comment on trigger message_statuses_keep_held_reactions on public.message_statuses is
    'Reactions to a held message cannot be removed. Runs only for updates that remove one.';
