"""Changes by hand, one of every kind: the SQL that makes it, and the differences that verify must name."""

from dataclasses import dataclass

# Kinds of objects that the shipped migrations do not have.
MORE = """
create type public.mood as enum ('happy', 'calm', 'sad');
create domain public.short_text as text constraint short_text_check check (length(value) < 100);
create type public.pair as (one int, two int);
create sequence public.ticket_numbers start 100 increment 5;
create table public.tickets (
    id bigint generated always as identity,
    number int not null default nextval('public.ticket_numbers'),
    title text collate "C" not null,
    size int generated always as (length(title)) stored,
    price numeric(10, 2) default 0,
    mood public.mood,
    user_id uuid,
    constraint tickets_pkey primary key (id),
    constraint tickets_price_check check (price >= 0),
    constraint tickets_user_id_fkey foreign key (user_id) references public.users (id)
);
create index idx_tickets_user_id on public.tickets (user_id);
alter table public.tickets enable row level security;
create policy tickets_owner on public.tickets for select using (user_id is not null);
create rule tickets_keep as on delete to public.tickets where old.price > 0 do instead nothing;
create view public.dear_tickets as select id, title from public.tickets where price > 100;
create materialized view public.ticket_counts as select mood, count(*) as tickets from public.tickets group by mood;
create function public.ticket_price(id bigint) returns numeric language sql stable as $$ select 1.0 $$;
grant select on public.dear_tickets to public;
comment on table public.tickets is 'A ticket.';
comment on column public.tickets.id is 'pii=none'; comment on column public.tickets.number is 'pii=none';
comment on column public.tickets.size is 'pii=none'; comment on column public.tickets.price is 'pii=none';
comment on column public.tickets.mood is 'pii=none'; comment on column public.tickets.user_id is 'pii=none';
comment on column public.tickets.title is 'Its title; it may have ''quotes''.
pii=content; purpose=chat; basis=contract; keep=account';
comment on constraint tickets_price_check on public.tickets is 'Nobody is paid.';
comment on index public.idx_tickets_user_id is 'Deleting a user.';
comment on policy tickets_owner on public.tickets is 'Not those of nobody.';
comment on view public.dear_tickets is 'The dear ones.';
comment on function public.ticket_price(bigint) is 'Its price.';
"""
MORE_UNDONE = """
drop function public.ticket_price; drop materialized view public.ticket_counts; drop view public.dear_tickets; drop table public.tickets;
drop sequence public.ticket_numbers; drop type public.pair; drop domain public.short_text; drop type public.mood;
"""


@dataclass(frozen=True)
class Change:
    """A change by hand. `names` are the differences, as kind and object; {month} is this month.

    `is_exception`: no SQL takes it back. `alone`: it cannot be made beside the others. `since`: the first major version with it.
    """

    sql: str
    names: tuple[str, ...]
    is_exception: bool = False
    alone: bool = False
    since: int = 15


FIFTEEN = [
    Change("drop table public.audit_logs", ("table public.audit_logs",)),
    Change(
        "alter table public.users drop column created_at",
        ("column public.users.created_at",),
    ),
    Change("alter table public.tickets drop constraint tickets_price_check", ("constraint public.tickets.tickets_price_check",)),
    Change("alter table public.messages drop constraint messages_sender_id_fkey", ("constraint public.messages.messages_sender_id_fkey",)),
    Change("drop index public.idx_messages_sender_id", ("index public.idx_messages_sender_id",)),
    Change("alter table public.users alter column status set default 'away'", ("column public.users.status",)),
    Change("alter table public.conversations alter column title type varchar(77)", ("column public.conversations.title", "constraint public.conversations.conversations_title_length_check")),
    Change(
        "create or replace function chatschema.set_updated_at() returns trigger language plpgsql as $$ begin return new; end $$",
        ("function chatschema.set_updated_at()",),
    ),
    Change("alter table public.messages disable trigger messages_keep_identity", ("trigger public.messages.messages_keep_identity",)),
    Change("grant select on public.users to public", ("privilege select on table public.users to public",)),
    Change("alter table public.attachments owner to pg_monitor", ("owner table public.attachments",)),
    Change(
        "alter table public.messages detach partition chat_partitions.messages_y2024m01",
        ("partition chat_partitions.messages_y2024m01",),
    ),
    Change("alter table chat_partitions.messages_y2024m02 disable trigger month_require_owner", ("trigger chat_partitions.messages_y2024m02.month_require_owner",)),
    Change("revoke usage on schema chatschema from public", ("privilege usage on schema chatschema to public",)),
    Change("alter table public.messages alter column edit_count drop not null", ("column public.messages.edit_count",)),
]  # fmt: skip

MORE_KINDS = [
    Change("alter table public.auth_sessions set unlogged", ("table public.auth_sessions",)),
    Change("alter table chat_partitions.events_default disable trigger month_refuse_truncate", ("trigger chat_partitions.events_default.month_refuse_truncate",)),
    Change("grant insert on chat_partitions.events_default to public", ("privilege insert on table chat_partitions.events_default to public",)),
    Change("alter table public.conversations set (autovacuum_enabled = false)", ("option autovacuum_enabled of table public.conversations",)),
    Change("alter table public.users reset (fillfactor)", ("option fillfactor of table public.users",)),
    Change("alter table public.tickets disable row level security", ("table public.tickets",)),
    Change("alter table public.user_public_keys force row level security", ("table public.user_public_keys",)),
    Change("create table public.notes (i int primary key)", ("table public.notes",)),
    Change("comment on table public.users is 'Somebody.'", ("comment table public.users",)),
    Change("alter table public.users add column note text", ("column public.users.note",)),
    Change("alter table public.attachments rename column storage_key to place", ("column public.attachments.storage_key",)),
    Change("alter table public.tickets alter column price set default 1", ("column public.tickets.price",)),
    Change("alter table public.tickets alter column id set generated by default", ("column public.tickets.id",)),
    Change("alter table public.tickets alter column size drop expression", ("column public.tickets.size",)),
    Change("alter table public.messages alter column content_encrypted set storage extended", ("storage public.messages.content_encrypted",)),
    Change("alter table public.users alter column email set statistics 500", ("statistics public.users.email",)),
    Change(
        "alter table public.attachments drop constraint attachments_size_bytes_check, add constraint attachments_size_bytes_check check (size_bytes >= -1)",
        (
            "constraint public.attachments.attachments_size_bytes_check",
            "comment constraint attachments_size_bytes_check on public.attachments",
        ),
    ),
    Change(
        "alter table public.tickets drop constraint tickets_user_id_fkey,"
        " add constraint tickets_user_id_fkey foreign key (user_id) references public.users (id) not valid",
        ("constraint public.tickets.tickets_user_id_fkey",),
    ),
    Change("alter table public.users drop constraint users_email_key", ("constraint public.users.users_email_key",)),
    Change("drop index public.idx_tickets_user_id", ("index public.idx_tickets_user_id",)),
    Change("create index idx_by_hand on public.users (last_seen_at)", ("index public.idx_by_hand",)),
    Change(
        "update pg_index set indisvalid = false where indexrelid = 'public.idx_auth_sessions_user_id'::regclass",
        ("index public.idx_auth_sessions_user_id",),
    ),
    Change("comment on index public.users_username_key is null", ("comment index public.users_username_key",)),
    Change("drop trigger users_set_updated_at on public.users", ("trigger public.users.users_set_updated_at",)),
    Change(
        "create trigger by_hand before update on public.conversations for each row execute function chatschema.set_updated_at()",
        ("trigger public.conversations.by_hand",),
    ),
    Change("alter function public.ticket_price(bigint) security definer", ("function public.ticket_price(id bigint)",)),
    Change("create function public.by_hand() returns int language sql as 'select 1'", ("function public.by_hand()",)),
    Change("alter function chatschema.uuid7_time(uuid) owner to pg_monitor", ("owner function chatschema.uuid7_time(id uuid)",)),
    Change("alter policy tickets_owner on public.tickets using (true)", ("policy public.tickets.tickets_owner",)),
    Change("create policy anybody on public.tickets using (true)", ("policy public.tickets.anybody",)),
    Change("drop rule tickets_keep on public.tickets", ("rule public.tickets.tickets_keep",)),
    Change("create or replace view public.dear_tickets as select id, title from public.tickets where price > 1", ("view public.dear_tickets",)),
    Change("alter sequence public.ticket_numbers increment 7", ("sequence public.ticket_numbers",)),
    Change("drop materialized view public.ticket_counts", ("materialized view public.ticket_counts",)),
    Change("grant select (email) on public.users to public", ("privilege select (email) on table public.users to public",)),
    Change("revoke select on public.dear_tickets from public", ("privilege select on table public.dear_tickets to public",)),
    Change("alter type public.mood add value 'angry'", ("type public.mood",), is_exception=True),
    Change("alter domain public.short_text set default 'x'", ("type public.short_text",), is_exception=True),
    Change("create index on chat_partitions.messages_y2024m02 (edited_at)", ("index chat_partitions.messages_y2024m02_edited_at_idx",)),
    Change(
        "alter table chat_partitions.messages_y2024m02 disable trigger messages_keep_held_content",
        ("trigger chat_partitions.messages_y2024m02.messages_keep_held_content",),
    ),
    Change("drop trigger month_require_owner on chat_partitions.message_statuses_y2024m02", ("trigger chat_partitions.message_statuses_y2024m02.month_require_owner",)),
    Change("grant select on chat_partitions.messages_y2024m02 to public", ("privilege select on table chat_partitions.messages_y2024m02 to public",)),
    Change("alter table chat_partitions.message_statuses_y2024m02 set (autovacuum_enabled = false)", ("option autovacuum_enabled of table chat_partitions.message_statuses_y2024m02",)),
    Change("alter table chat_partitions.message_statuses_y2024m02 alter column status set default 'read'", ("column chat_partitions.message_statuses_y2024m02.status",)),
    Change("alter table chat_partitions.message_statuses_y2024m02 add constraint by_hand check (user_id is not null)", ("constraint chat_partitions.message_statuses_y2024m02.by_hand",)),
]  # fmt: skip
CHANGES = [*FIFTEEN, *MORE_KINDS]
