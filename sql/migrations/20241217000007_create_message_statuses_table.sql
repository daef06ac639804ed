-- message_statuses: what became of a message at each reader: delivered, read, reactions; months as in messages.
-- Why: reports of delivery arrive twice, late and out of order, and must never make a read message unread.
-- Risk: new table; adds a trigger to messages and a foreign key to users, which block writes to them for the moment of the commit.
create table public.message_statuses (
    message_id      uuid        not null,
    user_id         uuid        not null,
    conversation_id uuid        not null,
    status          text        not null default 'sent',
    delivered_at    timestamptz,
    read_at         timestamptz,
    failed_at       timestamptz,
    error_code      text,
    reactions       text[]      not null default '{}',
    reacted_at      timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    constraint message_statuses_pkey primary key (message_id, user_id),
    constraint message_statuses_user_id_fkey foreign key (user_id) references public.users (id) on delete restrict,
    constraint message_statuses_status_check check (status in ('sent', 'failed', 'delivered', 'read')),
    constraint message_statuses_status_time_check check (
        (status <> 'delivered' or delivered_at is not null)
        and (status <> 'read' or read_at is not null and delivered_at is not null)
        and (status <> 'failed' or failed_at is not null)
    ),
    constraint message_statuses_reactions_check
        check (cardinality(reactions) <= 20 and array_position(reactions, null) is null)
) partition by range (message_id);

create index idx_message_statuses_user_status_time on public.message_statuses (user_id, status, created_at);

create function chatschema.set_conversation_id_from_message() returns trigger
    language plpgsql
as $$
begin
    if new.conversation_id is null and new.message_id is not null then
        select m.conversation_id into new.conversation_id from public.messages as m where m.id = new.message_id;
        if not found then
            raise exception 'message % does not exist', new.message_id
                using errcode = 'foreign_key_violation', table = tg_table_name, schema = tg_table_schema,
                hint = 'It may have left with its month, by retention.';
        end if;
    end if;
    return new;
end
$$;
comment on function chatschema.set_conversation_id_from_message() is
    'Trigger: fills conversation_id from the message when the client leaves it out.';

create function chatschema.keep_status_monotonic() returns trigger
    language plpgsql
as $$
declare
    ranks constant text[] := array['sent', 'failed', 'delivered', 'read'];
begin
    if tg_op = 'UPDATE' then
        if array_position(ranks, new.status) < array_position(ranks, old.status) then
            new.status := old.status;
        end if;
        -- least() ignores nulls: the first report counts, and a report that leaves a time out does not erase it.
        new.delivered_at := least(old.delivered_at, new.delivered_at);
        new.read_at := least(old.read_at, new.read_at);
        new.failed_at := least(old.failed_at, new.failed_at);
    end if;
    if new.status = 'read' then
        new.read_at := coalesce(new.read_at, now());
        new.delivered_at := least(new.delivered_at, new.read_at);
    elsif new.status = 'delivered' then
        new.delivered_at := coalesce(new.delivered_at, now());
    elsif new.status = 'failed' then
        new.failed_at := coalesce(new.failed_at, now());
    end if;
    return new;
end
$$;
comment on function chatschema.keep_status_monotonic() is
    'Trigger: a status only rises (sent, failed, delivered, read), each time is that of the first report, read implies delivered.';

create function chatschema.delete_statuses() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    delete from public.message_statuses as s where s.message_id = old.id;
    return null;
end
$$;
comment on function chatschema.delete_statuses() is 'Trigger: statuses go with their message.';
-- With it anybody could make a trigger of it, on a table of their own, and act as the owner.
revoke execute on function chatschema.delete_statuses() from public;

create trigger messages_delete_statuses after delete on public.messages
    for each row execute function chatschema.delete_statuses();
create trigger message_statuses_require_message after insert on public.message_statuses
    for each row execute function chatschema.require_message('message_id');
create trigger message_statuses_require_changed_message after update of message_id, conversation_id on public.message_statuses
    for each row when (new.message_id <> old.message_id or new.conversation_id <> old.conversation_id)
    execute function chatschema.require_message('message_id');
create trigger message_statuses_keep_status_monotonic before insert or update on public.message_statuses
    for each row execute function chatschema.keep_status_monotonic();
create trigger message_statuses_set_conversation_id before insert on public.message_statuses
    for each row execute function chatschema.set_conversation_id_from_message();
create trigger message_statuses_set_updated_at before update on public.message_statuses
    for each row execute function chatschema.set_updated_at();

comment on table public.message_statuses is 'What became of a message at each reader: delivered, read, reactions; months as in messages.';
comment on column public.message_statuses.message_id is 'Which message; its UUIDv7 decides the month.';
comment on column public.message_statuses.user_id is 'Which reader.';
comment on column public.message_statuses.conversation_id is 'The message''s conversation; filled by a trigger when left out.';
comment on column public.message_statuses.status is 'sent, failed, delivered or read; never falls back.';
comment on column public.message_statuses.delivered_at is 'First report of delivery.';
comment on column public.message_statuses.read_at is 'First report of reading.';
comment on column public.message_statuses.failed_at is 'First report of failure.';
comment on column public.message_statuses.error_code is 'Why delivery failed.';
comment on column public.message_statuses.reactions is 'The reader''s reactions, at most 20.';
comment on column public.message_statuses.reacted_at is 'Last change of the reactions.';
comment on column public.message_statuses.created_at is 'When the first report came.';
comment on column public.message_statuses.updated_at is 'Last change, kept by a trigger.';
comment on constraint message_statuses_pkey on public.message_statuses is 'One row a message and reader: the target of the upsert.';
comment on constraint message_statuses_user_id_fkey on public.message_statuses is 'Users are erased by pseudonym, not deleted.';
comment on constraint message_statuses_status_check on public.message_statuses is 'The states of a delivery.';
comment on constraint message_statuses_status_time_check on public.message_statuses is 'A state says when; read implies delivered.';
comment on constraint message_statuses_reactions_check on public.message_statuses is 'At most 20, none of them null.';
comment on index public.message_statuses_pkey is 'Upsert on (message_id, user_id); receipts of a message; deleting a message.';
comment on index public.idx_message_statuses_user_status_time is 'What a user has in a state, by time; deleting a user.';
comment on trigger message_statuses_keep_status_monotonic on public.message_statuses is 'A late or repeated report never lowers the status or erases a time.';
comment on trigger message_statuses_set_conversation_id on public.message_statuses is 'Fills conversation_id.';
comment on trigger message_statuses_require_message on public.message_statuses is 'The message is there, in the conversation named.';
comment on trigger message_statuses_require_changed_message on public.message_statuses is 'The message is there, in the conversation named, also when changed.';
comment on trigger messages_delete_statuses on public.messages is 'Statuses go with their message.';
comment on trigger message_statuses_set_updated_at on public.message_statuses is 'Keeps updated_at.';
