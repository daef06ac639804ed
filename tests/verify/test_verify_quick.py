"""status --check, the quick form of verify: it sees what was changed by hand, months and owners included, without a replay."""

import os
import re
import time
from contextlib import closing
from pathlib import Path

import pytest

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.structure import partitions
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.days import make_days
from tests.support.migrations import NEXT, write
from tests.support.months import make_months
from tests.verify.drifts import FIFTEEN, MORE, MORE_UNDONE, Change

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MONTH = "chat_partitions.messages_y2024m02"
# Each on one month alone, and the finding of it.
OF_A_MONTH = {
    f"alter table {MONTH} disable trigger month_require_owner": f"trigger month_require_owner of {MONTH} is disabled",
    f"alter table {MONTH} disable trigger messages_keep_held_content": f"trigger messages_keep_held_content of {MONTH} is disabled",
    f"drop trigger month_remove_references on {MONTH}": f"trigger month_remove_references of {MONTH} is missing",
    f"create trigger by_hand before update on {MONTH} for each row execute function suppress_redundant_updates_trigger()": f"trigger by_hand of {MONTH} was added",
    f"alter table {MONTH} add constraint by_hand check (edit_count < 9999)": f"constraint by_hand of {MONTH} was added",
    f"alter table {MONTH} drop constraint messages_y2024m02_bounds_check": f"constraint messages_y2024m02_bounds_check of {MONTH} is missing",
    f"alter table {MONTH} disable trigger all": "is triggers disabled",
    f"create index by_hand on {MONTH} (edited_at)": f"index by_hand of {MONTH} was added",
    f"update pg_index set indisvalid = false where indexrelid = (select indexrelid from pg_index where indrelid = '{MONTH}'::regclass limit 1)": f"of {MONTH} is invalid",
    f"alter table {MONTH} alter column edit_count set default 7": f"column edit_count of {MONTH} is not null default 7, and that of its parent not null default 0",
    f"alter table {MONTH} owner to pg_monitor": f"owner of {MONTH} is pg_monitor, and not ",
    f"alter table {MONTH} set (autovacuum_enabled = false)": f"option autovacuum_enabled of {MONTH} was set to false",
    f"grant select on {MONTH} to public": f"privilege select to public on {MONTH} was granted",
}  # fmt: skip


def findings(cli: Cli, database: Database, *options: str) -> list[str]:
    """Return the findings of status --check, whose exit code must be theirs; not that the old months leave a gap."""
    result = cli("status", "--check", "--json", "--url", database.url, *options)
    assert result.code in (0, 3), result.err
    found: list[str] = result.json()["findings"]
    assert result.code == (3 if found else 0)
    return [one for one in found if "has no partition from" not in one]


@pytest.fixture
def more(cli: Cli, old: Database, sql_dir: Path) -> tuple[Database, tuple[str, ...]]:
    """A database with two old months and objects of every kind; and the options for its migrations."""
    write(sql_dir, NEXT, f"-- tickets: everything else.\n{MORE}", MORE_UNDONE)
    options = ("--sql-dir", str(sql_dir))
    assert cli("migrate", "--url", old.url, *options).code == 0
    assert findings(cli, old, *options) == []
    return old, options


def named(change: Change, found: list[str]) -> bool:
    """Return whether a finding names one of the objects of the change; a month by its own name alone."""
    objects = [name.rpartition(".")[2] if "chat_partitions." in name else name.partition(" ")[2] for name in change.names]
    return any(object in one for object in objects for one in found)


def test_the_fifteen_changes_are_seen_at_once(cli: Cli, more: tuple[Database, tuple[str, ...]]) -> None:
    database, options = more
    for change in FIFTEEN:
        database.run(change.sql)
    found = findings(cli, database, *options)
    assert [change.sql for change in FIFTEEN if not named(change, found)] == []


@pytest.mark.skipif(not FULL, reason="set CHATSCHEMA_TEST_FULL: all at once is the short form")
@pytest.mark.parametrize("change", FIFTEEN, ids=lambda change: change.sql[:70])
def test_each_of_the_fifteen_is_seen_alone(cli: Cli, more: tuple[Database, tuple[str, ...]], change: Change) -> None:
    more[0].run(change.sql)
    found = findings(cli, more[0], *more[1])
    assert named(change, found), found


def looked(connection: Connection) -> list[str]:
    return partitions.findings(partitions.read(connection))


def connected(database: Database) -> Connection:
    return postgres.connect(Settings(database.url, "test", None, ROOT / "sql", ROOT / "seeds", Path()))


def test_each_change_of_one_month_is_one_finding(aged: Database) -> None:
    with closing(connected(aged)) as connection:
        assert looked(connection) == []
        for sql, says in OF_A_MONTH.items():
            # Not rolled back by psycopg's own block: the look sets its settings for the transaction.
            connection.execute("begin")
            connection.execute(sql.encode())
            lines = looked(connection)
            connection.execute("rollback")
            assert any(says in line for line in lines), (sql, lines)
            assert len(lines) == 1 or "trigger all" in sql, lines


def test_a_change_of_every_month_is_one_line_and_names_the_command_with_the_sql(cli: Cli, migrated: Database) -> None:
    migrated.run("grant select on all tables in schema chat_partitions to public")
    (line,) = findings(cli, migrated)
    assert re.fullmatch(
        r"privilege select to public on chat_partitions\.\S+ and 13 other partitions was granted; the SQL to revert it: chatschema verify --sql",
        line,
    )


def test_a_month_detached_by_hand_is_named_with_the_command_that_attaches_it(cli: Cli, aged: Database) -> None:
    aged.run(
        "alter table public.messages detach partition chat_partitions.messages_y2024m01;"
        "alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m01"
    )
    (line,) = findings(cli, aged)
    assert line == (
        "chat_partitions.messages_y2024m01 and chat_partitions.message_statuses_y2024m01 are detached, and not by chatschema;"
        " attach them: chatschema partition restore 2024-01"
    )
    assert cli("partition", "restore", "2024-01", "--url", aged.url).code == 0
    assert findings(cli, aged) == []


def test_what_chatschema_does_to_months_is_no_finding(cli: Cli, aged: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[partition]\ngrace = "99d"\n')
    assert cli("partition", "retire", "--older-than", "1mo", "--yes", "--url", aged.url).code == 0
    assert findings(cli, aged) == []
    assert cli("partition", "restore", "2024-01", "--url", aged.url).code == 0
    assert findings(cli, aged) == []


def test_an_owner_is_recorded_as_a_migration_leaves_it(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "-- a: owner.\nalter table public.attachments owner to pg_monitor;", "select 1;")
    assert cli("migrate", "--url", migrated.url, *options).code == 0
    assert findings(cli, migrated, *options) == []
    migrated.run("alter table public.attachments owner to current_user")
    (line,) = findings(cli, migrated, *options)
    owner = migrated.one("select current_user")
    assert line.startswith(
        f"owner table public.attachments is now {owner}, and not pg_monitor, since the last migration (recorded "
    )
    assert line.endswith(": alter table public.attachments owner to pg_monitor")


def test_what_verify_ignores_is_ignored_here_as_well(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("alter table public.users owner to pg_monitor; alter table public.conversations drop column created_at")
    assert len(findings(cli, migrated)) == 2
    (tmp_path / "chatschema.toml").write_text(
        '[[verify.ignore]]\nobject = "owner table public.users"\nreason = "the platform team"\n'
    )
    (line,) = findings(cli, migrated)
    assert line.startswith("column public.conversations.created_at is missing")


@pytest.mark.skipif(not FULL, reason="a measurement; make bench-verify has more")
@pytest.mark.parametrize(("count", "limit_s"), [(24, 0.3), (1000, 3.0)])
def test_the_look_at_the_partitions_takes_little(migrated: Database, count: int, limit_s: float) -> None:
    if count == 24:
        make_months(migrated, 6)
    else:
        make_days(migrated, 493)
    times = []
    with closing(connected(migrated)) as connection:
        assert connection.execute(
            "select count(*) from pg_inherits where inhparent in ('public.messages'::regclass, 'public.message_statuses'::regclass)"
        ).fetchone() == (count,)
        for _ in range(5):
            started = time.perf_counter()
            assert looked(connection) == []
            times.append(time.perf_counter() - started)
    print(f"\n{count} partitions: {sorted(times)[2]:.3f} s")
    assert sorted(times)[2] < limit_s
