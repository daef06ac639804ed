-- triggers: those that only a distributed database has.
-- Why: one direct conversation a pair, holds on each node, and what changes the lists of users.
create trigger conversations_require_pair_id before insert on public.conversations
    for each row when (new.type = 'direct') execute function chatschema.require_pair_id();
create trigger node_holds_wait_on_node before insert or delete on chatschema.node_holds
    for each statement execute function chatschema.wait_on_node();
create trigger holds_copy_to_nodes after insert on chatschema.holds
    for each row execute function chatschema.share_hold();
create trigger holds_remove_from_nodes after update on chatschema.holds
    for each row when (old.released_at is null and new.released_at is not null) execute function chatschema.share_hold();
create trigger messages_note_sent after insert on public.messages referencing new table as added
    for each statement execute function chatschema.note_messages();
create trigger conversation_participants_note_added after insert on public.conversation_participants referencing new table as changed
    for each statement execute function chatschema.note_participants();
create trigger conversation_participants_note_removed after delete on public.conversation_participants referencing old table as changed
    for each statement execute function chatschema.note_participants();
create trigger conversation_participants_note_changed after update on public.conversation_participants
    for each row when (
        (old.last_read_message_id, old.is_pinned, old.muted_until, old.notification_level, old.left_at, old.joined_at, old.reads_from)
        is distinct from
        (new.last_read_message_id, new.is_pinned, new.muted_until, new.notification_level, new.left_at, new.joined_at, new.reads_from)
    ) execute function chatschema.note_participant();
create trigger conversations_note_changed after update on public.conversations
    for each row when (
        (old.type, old.title, old.avatar_url, old.is_archived, old.deleted_at)
        is distinct from (new.type, new.title, new.avatar_url, new.is_archived, new.deleted_at)
    ) execute function chatschema.note_conversation();
create trigger events_note_month after insert on chatschema.events
    for each row when (new.kind in ('month.retired', 'month.restored')) execute function chatschema.note_month();
