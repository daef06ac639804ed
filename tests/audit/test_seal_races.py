"""Sealing beside writers: each entry is in exactly one seal, whatever commits when; and what delays a seal is named."""

import os
import random
import threading
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatschema import postgres
from chatschema.audit import seal
from chatschema.errors import Busy
from chatschema.postgres import locks
from tests.support import sealed
from tests.support.batches import started
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import LONG

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
SECONDS = 60 if FULL else 3
WRITERS = 16
IN_SEALS = """
    select s.number, get_byte(s.locator, 16 * i)::bigint << 56 | get_byte(s.locator, 16 * i + 1)::bigint << 48
        | get_byte(s.locator, 16 * i + 2)::bigint << 40 | get_byte(s.locator, 16 * i + 3)::bigint << 32
        | get_byte(s.locator, 16 * i + 4)::bigint << 24 | get_byte(s.locator, 16 * i + 5)::bigint << 16
        | get_byte(s.locator, 16 * i + 6)::bigint << 8 | get_byte(s.locator, 16 * i + 7)::bigint as id
    from chatschema.audit_seals as s, generate_series(0, s.row_count::integer - 1) as i
"""


def write(database: Database, until: float, number: int, wrong: list[str]) -> None:
    """Add entries in transactions of one to five, some rolled back, some in savepoints, and wait before the commit."""
    chance = random.Random(number)
    with closing(psycopg.connect(database.url)) as connection:
        while time.monotonic() < until:
            try:
                _write(connection, chance, number)
            except psycopg.Error as error:
                connection.rollback()
                wrong.append(str(error))


def _write(connection: "psycopg.Connection[Any]", chance: random.Random, number: int) -> None:
    query = "insert into public.audit_logs (action, resource_id) values ('race', %s)"
    connection.execute(query, (str(number),))
    for _ in range(chance.randint(0, 4)):
        with connection.transaction() if chance.random() < 0.3 else nullcontext():
            connection.execute(query, (str(number),))
    time.sleep(chance.random() * (2 if chance.random() < 0.05 else 0.05))
    if chance.random() < 0.1:
        connection.rollback()
    else:
        connection.commit()


@pytest.mark.parametrize("isolation", ["read committed", "serializable"] if LONG else ["read committed"])
def test_each_entry_is_in_exactly_one_seal(migrated: Database, isolation: str) -> None:
    migrated.run(f"alter database {migrated.name} set default_transaction_isolation = '{isolation}'")
    seconds = SECONDS if isolation == "read committed" else min(SECONDS, 10) / 3
    until = time.monotonic() + seconds
    wrong = list[str]()
    writers = [threading.Thread(target=write, args=(migrated, until, number, wrong)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    found = []
    while any(writer.is_alive() for writer in writers):
        found += sealed.seal_all(migrated)
        if found:
            assert sealed.verified(migrated, quick=True).findings == ()
        time.sleep(seconds / 20)
    for writer in writers:
        writer.join()
    assert wrong == []
    sealed.seal_all(migrated)
    entries = migrated.one("select count(*) from public.audit_logs")
    assert entries > 100
    print(f"{entries} entries of {WRITERS} writers in {len(found)} seals, {isolation}")
    counted = migrated.one(f"with s as ({IN_SEALS}) select count(*), count(distinct id) from s")
    assert counted == (entries, entries)
    assert (
        migrated.one(
            f"with s as ({IN_SEALS}) select count(*) from s join public.audit_logs as a using (id) where chatschema.audit_seal_of(a.id, a.txid) = s.number"
        )
        == entries
    )
    assert sealed.verified(migrated).findings == ()
    assert sealed.verified(migrated).unsealed.entries == 0


def test_an_open_writer_delays_the_seal_and_is_named(cli: Cli, migrated: Database) -> None:
    with closing(psycopg.connect(migrated.url, application_name="slow importer")) as writer:
        writer.execute("insert into public.audit_logs (action) values ('open')")
        sealed.add(migrated, 10, 12)
        assert cli("audit", "seal", "--url", migrated.url).out == "nothing to do: no new entries of transactions that have ended\n"
        time.sleep(1.1)
        writer.commit()
        assert cli("audit", "seal", "--url", migrated.url).out.startswith("sealed 4 entries as seal 1")
        writer.execute("insert into public.audit_logs (action) values ('open again')")
        sealed.add(migrated, 13, 13)
        time.sleep(1.1)
        result = cli("audit", "verify", "--url", migrated.url)
        assert result.code == 0, result.out
        assert "1 entry without a seal" in result.out
        assert "slow importer" in result.out


def test_two_runs_seal_one_after_the_other(migrated: Database) -> None:
    sealed.add(migrated, 1, 5)
    with (
        sealed.connected(migrated) as one,
        sealed.connected(migrated) as other,
        locks.seal_lock(one, wait_s=0),
        pytest.raises(Busy, match="another chatschema command"),
    ):
        list(seal.seal(other, wait_s=0.2))
    assert sealed.seal_all(migrated) == [1]


def test_many_entries_are_several_seals_and_no_transaction_is_divided(migrated: Database) -> None:
    for first in range(1, 60, 6):
        sealed.add(migrated, first, first + 5)
    with closing(postgres.connect(migrated.url)) as connection:
        counts = [one.row_count for one in seal.seal(connection, wait_s=5, most=10)]
    assert counts == [6] * 10
    with sealed.connected(migrated) as connection:
        sealed.add(migrated, 61, 100)
        assert [one.row_count for one in seal.seal(connection, wait_s=5, most=10)] == [40]
    assert sealed.verified(migrated).findings == ()


def test_a_run_that_is_killed_leaves_whole_seals(migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into public.audit_logs (action) select 'x' from generate_series(1, 30000)")
    for delay in (0.9, 1.2, 1.5):
        with started("audit", "seal", "--url", migrated.url, cwd=tmp_path) as process:
            time.sleep(delay)
            process.kill()
    sealed.seal_all(migrated)
    assert migrated.one("select sum(row_count) from chatschema.audit_seals") == 30000
    assert sealed.verified(migrated).findings == ()
