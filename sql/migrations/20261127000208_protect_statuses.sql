-- message_statuses: row level security, as for the messages.
-- Why: who read what and when is for the participants; everybody reports for themselves alone.
-- Risk: locks message_statuses and its months against readers and writers until the commit. From then on a role that does not own them sees no row without app.user_id.
create policy message_statuses_member_select on public.message_statuses for select using (
    (
        select true from chatschema.memberships as v
        where v.conversation_id = message_statuses.conversation_id
            and (message_statuses.message_id >= v.since_id or message_statuses.user_id = v.user_id)
    ) is not null
);
create policy message_statuses_reader_insert on public.message_statuses for insert with check (
    (
        select true from chatschema.memberships as v
        where v.conversation_id = message_statuses.conversation_id and message_statuses.user_id = v.user_id
            and message_statuses.message_id >= v.since_id
    ) is not null
);
create policy message_statuses_reader_update on public.message_statuses for update using (
    (
        select true from chatschema.memberships as v
        where v.conversation_id = message_statuses.conversation_id and message_statuses.user_id = v.user_id
    ) is not null
);
alter table public.message_statuses enable row level security;
comment on policy message_statuses_member_select on public.message_statuses is
    'Participants read the statuses of messages from their joining on, and their own.';
comment on policy message_statuses_reader_insert on public.message_statuses is
    'A participant reports for the acting user, on messages from joining on.';
comment on policy message_statuses_reader_update on public.message_statuses is 'A participant changes the own statuses.';

create function chatschema.refuse_status_move() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'a status of message % keeps its message and its reader', old.message_id
        using errcode = 'insufficient_privilege', schema = 'public', table = 'message_statuses', hint = 'Insert a status for the other message.';
end
$$;
comment on function chatschema.refuse_status_move() is 'Trigger: a status is not moved to another message or reader.';
revoke all on function chatschema.refuse_status_move() from public;

create trigger message_statuses_guard_update before update on public.message_statuses
    for each row
    when (
        (new.message_id <> old.message_id or new.user_id <> old.user_id or new.conversation_id <> old.conversation_id)
        and row_security_active('public.message_statuses'::regclass)
    )
    execute function chatschema.refuse_status_move();
comment on trigger message_statuses_guard_update on public.message_statuses is
    'Where row policies apply, the columns that an upsert writes again keep their values.';
