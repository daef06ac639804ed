"""Statements on months with rows, as migrations have them: each runs after those before it; paragraphs are statements."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """Some statements, one a paragraph, and the oldest server that has them."""

    name: str
    sql: str
    since: int = 150000


ORDINARY = (
    Statement("add a column", "alter table public.messages add column note text;"),
    Statement("constant default", "alter table public.messages add column stars int not null default 0;"),
    Statement("now default", "alter table public.messages add column noted_at timestamptz default now();"),
    Statement("volatile default", "alter table public.messages add column mark text default clock_timestamp()::text;"),
    Statement("generated column", "alter table public.message_statuses add column age int generated always as (1 + 1) stored;"),
    Statement("type change", "alter table public.messages alter column stars type bigint;"),
    Statement("type change without a rewrite", "alter table public.conversations alter column title type varchar;"),
    Statement("set not null", "alter table public.messages alter column mark set not null;"),
    Statement(
        "set not null after a check",
        "alter table public.message_statuses add constraint statuses_age_known check (age is not null) not valid;\n\n"
        "alter table public.message_statuses validate constraint statuses_age_known;\n\n"
        "alter table public.message_statuses alter column age set not null;\n\n"
        "alter table public.message_statuses drop constraint statuses_age_known;",
    ),
    Statement("check not valid", "alter table public.messages add constraint stars_check check (stars >= 0) not valid;"),
    Statement("validate a check", "alter table public.messages validate constraint stars_check;"),
    Statement("check", "alter table public.messages add constraint mark_check check (mark <> '');"),
    Statement("drop a check", "alter table public.messages drop constraint mark_check;"),
    Statement(
        "not null not valid",
        "alter table public.messages add constraint noted_known not null noted_at not valid;\n\n"
        "alter table public.messages validate constraint noted_known;",
        since=180000,
    ),
    Statement(
        "column for a key",
        "alter table public.messages add column pinned_by uuid;\n\nalter table public.attachments add column seen_by uuid;",
    ),
    Statement(
        "foreign key",
        "alter table public.messages add constraint pinned_by_fkey foreign key (pinned_by) references public.users (id);",
    ),
    Statement(
        "foreign key not valid",
        "alter table public.attachments add constraint seen_by_fkey foreign key (seen_by) references public.users (id) not valid;",
    ),
    Statement("validate a foreign key", "alter table public.attachments validate constraint seen_by_fkey;"),
    Statement("drop a foreign key", "alter table public.messages drop constraint pinned_by_fkey;"),
    Statement("drop a key with values", "alter table public.messages drop constraint messages_sender_id_fkey;"),
    Statement(
        "foreign key with values",
        "alter table public.messages add constraint messages_sender_id_fkey foreign key (sender_id)"
        " references public.users (id) on delete restrict;",
    ),
    Statement(
        "trigger",
        "create trigger messages_noop before update on public.messages for each row execute function suppress_redundant_updates_trigger();",
    ),
    Statement("disable a trigger", "alter table public.messages disable trigger messages_noop;"),
    Statement("enable a trigger", "alter table public.messages enable trigger messages_noop;"),
    Statement("drop a trigger", "drop trigger messages_noop on public.messages;"),
    Statement("policy", "create policy messages_all on public.messages using (true);"),
    Statement("drop a policy", "drop policy messages_all on public.messages;"),
    Statement("row security", "alter table public.attachments enable row level security;"),
    Statement("no row security", "alter table public.attachments disable row level security;"),
    Statement("set a default", "alter table public.messages alter column stars set default 1;"),
    Statement("drop a default", "alter table public.messages alter column stars drop default;"),
    Statement("drop not null", "alter table public.messages alter column stars drop not null;"),
    Statement("set statistics", "alter table public.messages alter column stars set statistics 500;"),
    Statement("set storage", "alter table public.messages alter column note set storage external;"),
    Statement("table options", "alter table public.attachments set (autovacuum_enabled = true);"),
    Statement("rename a column", "alter table public.messages rename column note to remark;"),
    Statement("drop a column", "alter table public.messages drop column remark;"),
    Statement("index", "create index idx_messages_stars on public.messages (stars);"),
    Statement("unique index", "create unique index idx_users_avatar on public.users (avatar_url, id);"),
    Statement("rename an index", "alter index public.idx_messages_stars rename to idx_messages_marks;"),
    Statement("drop an index", "drop index public.idx_messages_marks;"),
    Statement("reindex", "reindex table public.users;"),
    Statement("view", "create view public.loud as select id, stars from public.messages where stars > 3;"),
    Statement("replace a view", "create or replace view public.loud as select id, stars from public.messages where stars > 4;"),
    Statement("drop a view", "drop view public.loud;"),
    Statement(
        "table with keys",
        "create table public.pins (id int primary key, message_id uuid, user_id uuid references public.users (id));",
    ),
    Statement("insert", "insert into public.pins (id) select i from generate_series(1, 1000) as i;\n\nanalyze public.pins;"),
    Statement("update", "update public.pins set message_id = null where id < 500;"),
    Statement("delete", "delete from public.pins where id > 900;"),
    Statement("truncate", "truncate public.pins;"),
    Statement("comment", "comment on table public.messages is 'Messages.';\n\ncomment on column public.users.id is 'UUIDv7.';"),
    Statement("grant", "grant select on public.pins to public;"),
    Statement("statistics", "create statistics public.users_stats on id, username from public.users;"),
    Statement("analyze", "analyze public.users;"),
    Statement("cluster", "cluster public.users using users_pkey;"),
    Statement("lock", "lock table public.conversations in share mode;"),
    Statement("set unlogged", "insert into public.pins (id) values (5000);\n\nalter table public.pins set unlogged;"),
    Statement("do", "do $$ begin alter table public.conversations add column note text; end $$;"),
    Statement("drop a table", "drop table public.attachments;"),
)
