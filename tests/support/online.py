"""Indexes that are built online: the files, and what is there of the index on every partition."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cli import clean_environment
from tests.support.database import Database
from tests.support.migrations import NEXT

INDEX = "idx_messages_sender_id_created_at"
COLUMNS = "(sender_id, created_at)"
APPLY = f"""\
-- messages: index on {COLUMNS}.
-- online: index
create index {INDEX} on public.messages {COLUMNS};
comment on index public.{INDEX} is 'Messages of a user by time.';
"""
ROLLBACK = f"-- online: index\ndrop index public.{INDEX};\n"
WAITING = "select count(*) from pg_stat_activity where query like 'create index concurrently%%' and wait_event_type = 'Lock'"
FEBRUARY = "chat_partitions.messages_y2024m02"
# The leaves of a partitioned index, and every index of a month that belongs to none, or is not valid.
_PARTS = """
    with recursive part (oid) as (
        select to_regclass(%s)::oid
        union all select h.inhrelid from part join pg_inherits as h on h.inhparent = part.oid
    )
    select count(*) from part join pg_class as c using (oid) where c.relkind = 'i'
"""
_LEFT = """
    select c.relname || case when i.indisvalid then '' else ' (invalid)' end
    from pg_index as i join pg_class as c on c.oid = i.indexrelid join pg_class as t on t.oid = i.indrelid
    where not i.indisvalid or t.relispartition and not c.relispartition
    order by 1
"""


def write_index(sql_dir: Path, apply: str = APPLY, rollback: str = ROLLBACK) -> str:
    """Write the pair of files into a copy of sql/, and return its id."""
    (sql_dir / "migrations" / f"{NEXT}.sql").write_text(apply)
    (sql_dir / "migrations" / f"{NEXT}.rollback.sql").write_text(rollback)
    return NEXT


@contextmanager
def migrating(options: tuple[str, ...]) -> Iterator["subprocess.Popen[str]"]:
    """Run migrate beside the block; it is killed at its end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "chatschema", "migrate", *options],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def until(database: Database, query: str, process: "subprocess.Popen[str]") -> None:
    """Return once the query answers true, while the process runs."""
    deadline = time.monotonic() + 30
    while not database.one(query):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


def left(database: Database) -> list[str]:
    """Return the invalid indexes of the database, and the indexes of months that belong to no index of their table."""
    return [row[0] for row in database.all(_LEFT)]


def assert_whole(database: Database, index: str = f"public.{INDEX}", table: str = "public.messages") -> None:
    """The index is valid on every partition, was recorded once, and nothing else is left over."""
    valid, months = database.one(
        "select (select indisvalid from pg_index where indexrelid = to_regclass(%s)),"
        " (select count(*) from pg_partition_tree(%s) where isleaf)", index, table,
    )  # fmt: skip
    assert valid is True
    assert database.one(_PARTS, index) == months
    assert left(database) == []
    assert database.all("select migration_id from chatschema.migrations where state = 'running'") == []
    assert database.one("select count(*) from chatschema._yoyo_migration where migration_id = %s", NEXT) == 1


def assert_absent(database: Database, index: str = f"public.{INDEX}") -> None:
    """The index is not there, on no partition, and is not recorded."""
    assert database.one("select to_regclass(%s) is null", index)
    assert left(database) == []
    assert database.all("select migration_id from chatschema.migrations where state = 'running'") == []
    assert database.one("select count(*) from chatschema._yoyo_migration where migration_id = %s", NEXT) == 0
