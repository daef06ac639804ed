"""Migrations that run in batches, rows for them, and how far they have come."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cli import clean_environment
from tests.support.database import Database
from tests.support.migrations import write

ADD, FILL = "20990101000000_add_touched", "20990101000001_touch_messages"
COLUMN = "-- messages: a count.\nalter table public.messages add column touched integer not null default 0;\n"
HEADER = "-- messages: count a touch.\n-- batch: public.messages by id\n"
TOUCH = "update public.messages set touched = touched + 1 where {batch};\n"
UNTOUCH = "update public.messages set touched = 0;\n"
# Two months of rows, spread evenly; triggers are off while it is filled, as they would take longer than the test.
_ROWS = """
    set session_replication_role = replica;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)
    select chatschema.uuid7(at), c.id, u.id, 'hello', at
    from (select timestamptz '2024-01-02' + i * interval '50 days' / {count} as at from generate_series(0, {count} - 1) as i) as t,
        (select id from public.conversations limit 1) as c, (select id from public.users limit 1) as u;
    analyze public.messages;
"""
DONE_ONCE = [(1,)]


def write_both(sql_dir: Path, fill: str = HEADER + TOUCH) -> None:
    """Write a file that adds the column, and one that fills it in batches."""
    write(sql_dir, ADD, COLUMN, "alter table public.messages drop column touched;\n")
    write(sql_dir, FILL, fill, UNTOUCH)


def add_rows(database: Database, count: int) -> None:
    """Add messages to January and February 2024, which the database has."""
    database.run(_ROWS.format(count=count))


def limits(folder: Path, **values: float) -> None:
    """Write the limits into chatschema.toml in the folder in which the command runs."""
    (folder / "chatschema.toml").write_text("[batches]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))


def touches(database: Database) -> list[tuple[object, ...]]:
    """Return each count of touches that a row has."""
    return database.all("select distinct touched from public.messages order by 1")


def done(database: Database) -> int:
    """Return how many rows of the newest batches are committed; 0 before they begin."""
    if not database.one("select to_regclass('chatschema.batches') is not null"):
        return 0
    return int(database.one("select coalesce((select rows_done from chatschema.batches order by id desc limit 1), 0)"))


def wait_until(is_so: Callable[[], object], what: str, seconds: float = 60, *, every_s: float = 0.01) -> None:
    """Return once the condition holds, asked at this interval."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(every_s)


def wait_for(database: Database, rows: int) -> None:
    """Return once so many rows are committed."""
    wait_until(lambda: done(database) >= rows, f"{done(database)} of {rows} rows are done, and it does not go on")


@contextmanager
def started(*arguments: str, cwd: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the command in a process of its own while the block runs, and kill it afterwards if it is still there."""
    command = [sys.executable, "-m", "chatschema", *arguments]
    with subprocess.Popen(command, cwd=cwd, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
