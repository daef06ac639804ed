"""Sealed trails on the move: dump and restore, replication, promotion, an older backup. Seals verify, or a new epoch is asked for."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT, sealed
from tests.support.cli import Cli, run_cli
from tests.support.database import Database, create
from tests.support.servers import PgServer, private, programs

# Several servers of two versions: minutes, on a busy machine.
FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
slow = pytest.mark.skipif(not FULL, reason="CHATSCHEMA_TEST_FULL: needs several servers")
TABLES = ("public.audit_logs", "chatschema.audit_epochs", "chatschema.audit_seals")
LOGICAL = "wal_level = logical\nmax_logical_replication_workers = 6\nmax_wal_senders = 6\n"


def migrated_on(server: PgServer, folder: Path) -> Iterator[Database]:
    for database in create(server, f"moved_{uuid.uuid4().hex[:8]}"):
        assert run_cli("migrate", "--url", database.url, cwd=folder).code == 0
        yield database


@pytest.fixture(scope="module")
def old_server() -> Iterator[PgServer]:
    if not shutil.which("pg_ctl"):
        pytest.skip("this machine has no PostgreSQL of its own")
    with private(programs("system"), "old", config=LOGICAL, in_memory=True) as server:
        yield server


@pytest.fixture
def old(old_server: PgServer, tmp_path: Path) -> Iterator[Database]:
    yield from migrated_on(old_server, tmp_path)


def dump(database: Database, target: Database, *options: str) -> str:
    """Return a dump that the server of the target understands."""
    program = programs("embedded" if target.server.version >= 180000 else "system") / "pg_dump"
    return subprocess.run([program, *options, database.url], capture_output=True, text=True, check=True).stdout


def load(database: Database, text: str, *options: str, **env: str) -> None:
    command: list[str | Path] = [programs("embedded") / "psql", "-qX1", "-v", "ON_ERROR_STOP=1", *options, database.url]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr


def asks_for_an_epoch(cli: Cli, database: Database, anchor: str) -> None:
    """The seals are the old ones, and entries of here count as not sealed: only the cluster is another one."""
    # In low transaction ids, which the old cluster had used.
    sealed.add(database, 1001, 1003)
    for quick in (False, True):
        assert [one.kind for one in sealed.verified(database, anchor, quick=quick).findings] == ["other-cluster"]
    refused = cli("audit", "seal", "--url", database.url)
    assert refused.code == 3
    assert "error[audit.other-cluster]" in refused.err


def goes_on(cli: Cli, database: Database, anchor: str, carried: int) -> None:
    """After a new epoch was declared, old seals verify, and new ones are made."""
    begun = cli("audit", "seal", "--new-epoch", "moved, on purpose", "--url", database.url)
    assert begun.code == 0, begun.err
    assert begun.out.splitlines()[1] == f"sealed {carried} entries as seal 5"
    assert database.one("select details ->> 'reason' from public.audit_logs where action = 'audit.epoch'") == "moved, on purpose"
    sealed.add(database, 2001, 2003)
    assert sealed.seal_all(database) == [6]
    done = sealed.verified(database, anchor)
    assert (done.findings, done.unsealed.entries, done.seals) == ((), 0, 6)
    verifier = [sys.executable, "-I", str(ROOT / "examples" / "verify_audit.py"), "--url", database.url]
    alone = subprocess.run(verifier, capture_output=True, text=True, check=False)
    assert alone.stdout == f"6 seals, {done.entries} entries, 0 wrong\n", alone.stderr


def test_a_dump_of_15_restored_on_18(cli: Cli, old: Database, server: PgServer) -> None:
    text = sealed.fill(old)
    for new in create(server, f"restored_{uuid.uuid4().hex[:8]}"):
        load(new, dump(old, new, "--no-owner"))
        asks_for_an_epoch(cli, new, text)
        goes_on(cli, new, text, carried=5)
        with sealed.unguarded(new, None) as connection:
            connection.execute("update public.audit_logs set action = 'b' where id in (15, 44)")
        found = [(one.kind, one.seal, one.entry) for one in sealed.verified(new, text).findings]
        assert found == [("changed", 2, 15), ("changed", 5, 44)]


def test_an_older_backup_is_told_by_the_anchor_until_somebody_declares_it(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    sealed.fill(migrated)
    for backup in create(migrated.server, f"backup_{uuid.uuid4().hex[:8]}", migrated.name):
        for first in (43, 48):
            sealed.add(migrated, first, first + 4)
            sealed.seal_all(migrated)
        later = sealed.anchored(migrated)
        assert [one.kind for one in sealed.verified(backup, later).findings] == ["cut-off"]
        (tmp_path / "anchor").write_text(later)
        (tmp_path / "k").write_text(sealed.KEY.text())
        (tmp_path / "k").chmod(0o600)
        kept = cli("audit", "anchor", "--key", "k", "--file", "anchor", "--url", backup.url)
        assert kept.code == 3
        assert (tmp_path / "anchor").read_text() == later
        assert cli("audit", "seal", "--new-epoch", "backup of yesterday", "--url", backup.url).code == 0
        done = sealed.verified(backup, later)
        assert done.findings == ()
        assert done.notes == (
            "epoch 2 (backup of yesterday) replaced seals 5 to 6 of the anchor: ask who declared it, then make a new anchor",
        )


@slow
@pytest.mark.parametrize("how", ["disabled triggers", "replica"])
def test_a_restore_of_the_data_alone(cli: Cli, old: Database, migrated: Database, how: str) -> None:
    text = sealed.fill(old)
    options = [f"--table={table}" for table in TABLES]
    if how == "replica":
        load(migrated, dump(old, migrated, "--data-only", *options), PGOPTIONS="-c session_replication_role=replica")
    else:
        load(migrated, dump(old, migrated, "--data-only", "--disable-triggers", *options))
    asks_for_an_epoch(cli, migrated, text)
    notes = sealed.verified(migrated).notes
    assert len(notes) == (0 if how == "replica" else 6)
    for note in notes:
        migrated.run(note.rpartition(": ")[2])
    assert sealed.verified(migrated).notes == ()
    goes_on(cli, migrated, text, carried=5)


@slow
def test_a_subscriber_of_logical_replication(cli: Cli, old: Database, tmp_path: Path) -> None:
    sealed.add(old, 1, 5)
    sealed.seal_all(old)
    old.run(f"create publication trail for table {', '.join(TABLES)}")
    with private(programs("embedded"), "subscriber", in_memory=True) as server:
        for new in migrated_on(server, tmp_path):
            # What is copied at first, then what is streamed, erasures included.
            new.run(f"create subscription trail connection '{old.url}' publication trail with (slot_name = 'trail_{new.name}')")
            for first in (6, 11, 16):
                sealed.add(old, first, first + 4)
                sealed.seal_all(old)
            old.run(
                "update public.audit_logs set pii_salt = null, ip_address = null, user_agent = null, details = null where id in (2, 12)"
            )
            text = sealed.anchored(old)
            both = "select md5(string_agg(a::text, ',' order by a.id)), (select count(*) from chatschema.audit_seals) from public.audit_logs as a"
            wanted, deadline = old.one(both), time.monotonic() + 60
            while new.one(both) != wanted:
                assert time.monotonic() < deadline, "the subscriber does not follow"
                time.sleep(0.2)
            new.run("drop subscription trail")
            new.run("select setval('public.audit_logs_id_seq', 21)")
            asks_for_an_epoch(cli, new, text)
            goes_on(cli, new, text, carried=4)


@slow
def test_a_promoted_standby_goes_on_as_before(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    bin = programs("embedded" if server.version >= 180000 else "system")
    with private(bin, "primary") as primary:
        for first in migrated_on(primary, tmp_path):
            text = sealed.fill(first)
            with private(bin, "standby", of=primary) as standby:
                second = Database(standby, first.name)
                assert sealed.verified(second, text).findings == ()
                assert cli("audit", "verify", "--url", second.url).code == 0
                second.run("select pg_promote()")
                sealed.add(second, 43, 45)
                assert sealed.seal_all(second) == [5]
                done = sealed.verified(second, text)
                assert (done.findings, done.notes, done.unsealed.entries) == ((), (), 0)
