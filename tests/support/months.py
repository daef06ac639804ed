"""Old months with rows of every kind in them, and what there is of them: attached, detached or gone."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from chatschema import postgres
from chatschema.partition import create as creation
from chatschema.partition import grid
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.database import Database, create
from tests.support.servers import PgServer

JANUARY, FEBRUARY = "2024-01", "2024-02"

# Texts that a careless format loses: null beside empty, quotes, commas, newlines, braces, other alphabets.
_ROWS = r"""
    set timezone = 'UTC';
    insert into public.users (username) values ('alice'), ('bobby'), ('carol');
    insert into public.conversations (title, created_by) select case n when 1 then 'plain' else 'Ärger, "quoted" ' || n end, id
        from public.users, generate_series(1, 20) as n where username = 'alice';
    insert into public.conversation_participants (conversation_id, user_id)
        select c.id, u.id from public.conversations as c, public.users as u;
    insert into public.messages (
        id, conversation_id, sender_id, content_encrypted, content_nonce, content_algorithm, key_version, sender_key_id, message_type,
        edited_at, edit_count, edit_history, is_deleted, deleted_at, deleted_by, expires_at, created_at
    )
    select chatschema.uuid7(at), c.id, case when i % 40 = 7 then null else u.id end, decode(repeat('00ff0a', i % 9 + 1), 'hex'),
        case when i % 3 = 0 then sha256(i::text::bytea) end,
        (array[null, '', 'xsalsa20', E'a "b", c\\N\n{d}', 'ünï 👍'])[1 + i % 5], nullif(i % 4, 0),
        case when i % 6 = 0 then u.id end, case when i % 40 = 7 then 'system' else 'text' end,
        case when i % 5 = 0 then at + interval '1.000001 s' end, (i % 5 = 0)::int,
        case when i % 5 = 0 then jsonb_build_array(jsonb_build_object('at', at, 'n', 1.50, 'é"', null)) else '[]' end,
        i % 10 = 3, case when i % 10 = 3 then at end, case when i % 10 = 3 then u.id end,
        case when i % 8 = 0 then timestamptz 'infinity' end, at
    from (select i, m + i * interval '97 minutes 0.123 s' as at
        from generate_series(0, 299) as i, unnest(array[timestamptz '2024-01-01', '2024-02-01']) as m) as t
    join lateral (select id from public.conversations order by title offset i % 20 limit 1) as c on true
    join lateral (select id from public.users order by username offset i % 3 limit 1) as u on true;
    update public.messages as m set reply_to_id = o.previous
        from (select id, lag(id) over (partition by conversation_id order by id) as previous from public.messages) as o
        where m.id = o.id and substr(m.id::text, 36) in ('0', '1', '2');
    insert into public.message_statuses (
        message_id, user_id, conversation_id, status, delivered_at, read_at, failed_at, error_code, reactions, reacted_at
    )
    select m.id, u.id, m.conversation_id, s.status, m.created_at, case when s.status = 'read' then m.created_at end, null,
        (array[null, '', 'E"1,2"'])[1 + ascii(substr(m.id::text, 35)) % 3],
        case when u.username = 'bobby' then array['👍', 'a,b', '"{}"', ''] else '{}' end,
        case when u.username = 'bobby' then m.created_at end
    from public.messages as m
    join public.users as u on u.username in ('alice', 'bobby')
    join lateral (select case when u.username = 'bobby' then 'read' else 'delivered' end as status) as s on true;
    insert into public.attachments (message_id, conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)
        select id, conversation_id, sender_id, id::text, 1, sha256('x'), 'a'
        from public.messages where sender_id is not null and substr(id::text, 36) = '5';
    analyze;
"""


def aged_template(server: PgServer, migrated_template: str, name: str) -> Iterator[str]:
    """Yield the name of a template with January and February 2024 in it, 300 messages each."""
    for database in create(server, name, migrated_template):
        settings = Settings(database.url, "test", None, ROOT / "sql", ROOT / "seeds", Path())
        months = [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)]
        with closing(postgres.connect(settings)) as connection:
            plan = [grid.month(parent.table, lower) for lower in months for parent in grid.GROUP]
            assert len(list(creation.ensure(connection, plan, say=print))) == 4
        database.run(_ROWS)
        yield database.name


def make_months(database: Database, count: int) -> None:
    """Make this month and those before it, `count` in all, as partition ensure does."""
    settings = Settings(database.url, "test", None, ROOT / "sql", ROOT / "seeds", Path())
    with closing(postgres.connect(settings)) as connection:
        since = grid.month_before(grid.month_of(database.one("select now()")), count - 1)
        plan = creation.missing(connection, [parent.table for parent in grid.GROUP], since=since)
        list(creation.ensure(connection, plan, say=print))


def content(database: Database, table: str) -> dict[str, tuple[int, str]]:
    """Return rows and checksum of each month of `table`, attached ones through the parent; no other code of ours is used."""
    key = "id" if table == "messages" else "message_id"
    rows = database.all(
        f"select to_char(chatschema.uuid7_time({key}) at time zone 'UTC', 'YYYY-MM'), count(*),"
        f" md5(string_agg(md5(t::text), '' order by t::text collate \"C\")) from public.{table} as t group by 1"
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def contents(database: Database) -> dict[str, dict[str, tuple[int, str]]]:
    """Return what content() returns, for both tables."""
    return {table: content(database, table) for table in ("messages", "message_statuses")}


def there(database: Database, month: str) -> dict[str, str]:
    """Return for each table of the month that exists whether it is attached, pending or detached."""
    suffix = month.replace("-", "m")
    rows = database.all(
        "select c.relname, case when i.inhdetachpending then 'pending' when c.relispartition then 'attached' else 'detached' end"
        " from pg_class as c left join pg_inherits as i on i.inhrelid = c.oid"
        " where c.relnamespace = 'chat_partitions'::regnamespace and c.relkind = 'r' and c.relname like %s", f"%_y{suffix}",
    )  # fmt: skip
    return dict(rows)
