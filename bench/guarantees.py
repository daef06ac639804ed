"""`make bench`, fifth part: the cost of the guarantees for statuses, deletes, holds and pages, compared with the previous release.

Two databases side by side on a private server with fsync on, "old" is release 0.1.0, the two sides take turns, medians. Work on
rows is rolled back, so that the commit is not measured. `--small` takes a minute: fewer rows, 24 months only.
"""

import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.sides import Side, in_turn, migrate, pair, report, seconds
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.days import make_days
from tests.support.load import prepare
from tests.support.servers import PgServer, private, programs

UPSERT = """insert into public.message_statuses (message_id, user_id, conversation_id, status, delivered_at)
    values ({}, {}, {}, 'delivered', now())
    on conflict (message_id, user_id) do update set status = excluded.status, delivered_at = excluded.delivered_at"""
LOOP = """do $$ declare m record; begin
    for m in select id, conversation_id from public.messages where {range} loop {upsert}; end loop; end $$"""
COLUMNS = "message_id, user_id, conversation_id, status, delivered_at"
EDIT = """update public.messages set content_encrypted = 'edited', edited_at = now(), edit_count = edit_count + 1,
    edit_history = edit_history || jsonb_build_object('content', encode(content_encrypted, 'base64')) where {}"""
PAGE = "select * from public.messages where conversation_id = %s order by id desc limit 50"
PAGE_NEW = "select * from chatschema.page(%s, null, 50)"
DUE = "select id, chatschema.uuid7_floor(now() - interval '30 days') from public.conversations where retention_days > 0"
NOTHING_DUE = "select id from public.messages where conversation_id = '{}' and id < '{}' limit 1000"
SEND = """insert into public.messages (conversation_id, sender_id, content_encrypted)
    select conversation_id, user_id, 'x' from public.load, generate_series(1, 100) where n = 1"""
MEMORY = "select sum(total_bytes) / 1024 from pg_backend_memory_contexts"
SETTINGS = "fsync = on\nmax_wal_size = '4GB'\nshared_buffers = '512MB'\nautovacuum = off\nmax_locks_per_transaction = 256"


@dataclass(frozen=True)
class Form:
    """The amounts to measure."""

    months: tuple[int, ...]
    days: int
    rows: int
    upserts: int
    repeat: int


FULL = Form((24, 126), 1000, 100_000, 200, 41)
SMALL = Form((24,), 0, 20_000, 100, 21)


def main() -> None:
    """Print one line per measurement, on both servers."""
    form = SMALL if "--small" in sys.argv[1:] else FULL
    for kind in ("system", "embedded"):
        with private(programs(kind), kind, config=SETTINGS) as server, tempfile.TemporaryDirectory() as folder:
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}: 0.1.0 (old) and now (new)\n")
            for months in form.months:
                for old, new in pair(server, Path(folder), months, form.rows):
                    rows(old, new, form, f"{months} months")
                    purge(old, new, form, Path(folder), f"{months} months")
                    pages(new.database, form, f"{months} months", with_memory=months == form.months[-1])
                    if months == form.months[0]:
                        holds(old, new, form)
            if form.days:
                days(server, form, Path(folder))


def rows(old: Side, new: Side, form: Form, months: str) -> None:
    """Compare status upserts, COPY and DELETE."""
    aim = "at most 1.0"
    for where, work in (("in a loop of the server", in_server), ("from a client", from_client)):
        for which, user in (("new", 2), ("existing", 1)):
            times = in_turn([partial(work, side, user, form.upserts) for side in (old, new)], form.repeat)
            report(f"status upsert, {which}, {where}, {months}", micro(times, form.upserts), "us", aim)
    times = in_turn([partial(copy, side, form.rows) for side in (old, new)], 3)
    report(f"COPY of {form.rows} statuses, {months}", times, "s")
    times = in_turn([partial(delete, side, form.rows) for side in (old, new)], few(form, months))
    report(f"DELETE of {form.rows} messages with statuses, {months}", times, "s")


def few(form: Form, months: str) -> int:
    """Return the number of repetitions: fewer where the old release takes a minute with many months."""
    return 3 if months == "24 months" and form is FULL else 1


def micro(times: list[float], rows: int) -> list[float]:
    """Return seconds for this many rows as microseconds per row."""
    return [time / rows * 1e6 for time in times]


def in_server(side: Side, user: int, count: int) -> float:
    """Store statuses one by one in a DO; most already have a row for the first user, none for the others."""
    statement = UPSERT.format("m.id", f"'{side.user(user)}'", "m.conversation_id")
    block = LOOP.format(range=side.range(count), upsert=statement)
    with side.undone() as connection:
        return seconds(lambda: connection.execute(block))


def from_client(side: Side, user: int, count: int) -> float:
    """Store statuses one by one from the client, in one transaction."""
    reader = side.user(user)
    parameters = [(message, reader, conversation) for message, conversation in side.rows(count)]
    statement = UPSERT.format("%s", "%s", "%s")
    with side.undone() as connection:
        return seconds(lambda: [connection.execute(statement, row) for row in parameters])


def copy(side: Side, count: int) -> float:
    """Store statuses by COPY."""
    reader = side.user(2)
    text = "".join(
        f"{message}\t{reader}\t{conversation}\tdelivered\t2026-01-01 00:00+00\n" for message, conversation in side.rows(count)
    )

    def work(connection: Any) -> None:
        with connection.cursor().copy(f"copy public.message_statuses ({COLUMNS}) from stdin") as target:
            target.write(text)

    with side.undone() as connection:
        return seconds(lambda: work(connection))


def delete(side: Side, count: int) -> float:
    """Delete messages with their statuses, replies and attachments."""
    return statement("delete from public.messages where {}", side, count)


def statement(text: str, side: Side, count: int) -> float:
    """Run one statement over the first messages of the month."""
    query = text.format(side.range(count))
    with side.undone() as connection:
        return seconds(lambda: connection.execute(query))


def holds(old: Side, new: Side, form: Form) -> None:
    """Compare statements that change rows, without a hold and with 20 holds on other rows."""
    changes: list[tuple[str, int, Callable[[Side], float]]] = [
        ("edit with its history", 1000, lambda side: statement(EDIT, side, 1000)),
        ("DELETE of 1,000 messages", 1000, lambda side: statement("delete from public.messages where {}", side, 1000)),
        ("status upsert in the server", form.upserts, lambda side: in_server(side, 2, form.upserts)),
    ]
    for state in ("no hold", "20 holds on others"):
        for what, count, change in changes:
            # Dead rows of the previous measurement, or newer statistics of one side, would be measured as well.
            for side in (old, new):
                side.database.run("vacuum analyze")
            times = in_turn([partial(change, old), partial(change, new)], form.repeat)
            report(f"{what}, {state}, {form.months[0]} months", micro(times, count), "us")
        if state == "no hold":
            new.hold()


def purge(old: Side, new: Side, form: Form, folder: Path, months: str) -> None:
    """Compare the whole command with the queries of the previous release, where nothing is due."""
    fill = "insert into public.conversations (title, retention_days) select 'kept-' || i, 30 from generate_series(1, 2000) as i"
    for side in (old, new):
        side.database.run(f"{fill}; analyze public.conversations")

    def by_conversation() -> None:
        with old.database.connect() as connection:
            connection.prepare_threshold = None
            for one in connection.execute(DUE).fetchall():
                connection.execute(NOTHING_DUE.format(*one).encode())

    def command() -> None:
        result = run_cli("partition", "purge", "--url", new.database.url, cwd=folder, timeout=600)
        if result.code:
            sys.exit(result.err)

    times = in_turn([lambda: seconds(by_conversation), lambda: seconds(command)], few(form, months))
    report(f"purge, 2,000 conversations, nothing due, {months}", times, "s")


def pages(database: Database, form: Form, partitions: str, *, with_memory: bool) -> None:
    """Compare the newest page by a plain query (old) and by chatschema.page() (new), both on this release."""
    conversation = database.one("select conversation_id from public.load where n = 1")
    database.run(SEND)

    def first(query: str) -> float:
        with database.connect() as connection:
            return seconds(lambda: ask(connection, query, conversation))

    times = in_turn([partial(first, PAGE), partial(first, PAGE_NEW)], form.repeat)
    report(f"newest page, first of a connection, plain and page(), {partitions}", [time * 1e3 for time in times], "ms")
    with database.connect() as one, database.connect() as other:
        times = in_turn(
            [lambda: seconds(lambda: ask(one, PAGE, conversation)), lambda: seconds(lambda: ask(other, PAGE_NEW, conversation))], 40
        )
    report(f"newest page, later ones, plain and page(), {partitions}", [time * 1e3 for time in times], "ms")
    if with_memory:
        used = [memory(database, query, conversation) for query in (PAGE, PAGE_NEW)]
        report(f"memory of a connection after its first page, {partitions}", used, "kB")


def ask(connection: Any, query: str, conversation: uuid.UUID) -> Any:
    """Return the page, as a driver without prepared statements sends it."""
    return connection.execute(query, (conversation,), prepare=False).fetchall()


def memory(database: Database, query: str, conversation: uuid.UUID) -> float:
    """Return the memory of a connection's server process after one page, in kilobytes."""
    with database.connect() as connection:
        ask(connection, query, conversation)
        return float(connection.execute(MEMORY).fetchall()[0][0])


def days(server: PgServer, form: Form, folder: Path) -> None:
    """Compare pages over many partitions: days, as there are not that many months."""
    for database in create(server, "days"):
        migrate(database, folder)
        make_days(database, form.days - 7)
        prepare(database, {})
        pages(database, form, f"{form.days} partitions", with_memory=False)


if __name__ == "__main__":
    main()
