-- conversation_participants: last_read_message_id and last_delivered_message_id only rise.
-- Why: devices report out of order; a late report of an earlier message made messages unread again.
-- Risk: a new trigger; waits for writers of conversation_participants and blocks them for the moment of the commit.
create function chatschema.keep_read_marks() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    -- Kept and not refused: a late report is no mistake of the request that brings it. greatest() ignores nulls.
    new.last_read_message_id := greatest(new.last_read_message_id, old.last_read_message_id);
    new.last_delivered_message_id := greatest(new.last_delivered_message_id, old.last_delivered_message_id);
    return new;
end
$$;
comment on function chatschema.keep_read_marks() is
    'Trigger: of the marks in the update and those in the row the later message counts. The update succeeds; the row that it returns has the mark that counts.';

create trigger conversation_participants_keep_read_marks
    before update of last_read_message_id, last_delivered_message_id on public.conversation_participants
    for each row execute function chatschema.keep_read_marks();
comment on trigger conversation_participants_keep_read_marks on public.conversation_participants is
    'The marks of read and delivered messages only rise; a late report of an earlier message changes nothing and raises no error.';
