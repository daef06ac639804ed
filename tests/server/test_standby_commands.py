"""Every command against a real standby: what reads runs there, what writes is refused by name with the primary, nothing is changed.

The commands are those of the command line itself, so that a new one is tried as well: it runs on a standby, or it is in WRITES.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from chatschema.audit import keys
from chatschema.cli import app
from tests.support import ROOT, pace
from tests.support.cli import Cli, Result, run_cli
from tests.support.database import Database, caught_up, create
from tests.support.servers import PgServer, private, programs

pytestmark = pace.long

ID = "019b76da-a800-7000-8000-000000000000"
# Some of the refused ones look only, for example hold export, but leave a row that says who looked.
WRITES = {
    "migrate", "undo", "repair", "baseline", "new project", "seed", "reset", "maintain", "batch run", "batch pause", "batch resume",
    "batch rate", "partition ensure", "partition retire", "partition archive", "partition restore", "partition purge",
    "partition maintain", "hold add", "hold export", "hold release", "retention run", "roles apply", "privacy export", "privacy erase",
    "privacy erase-conversation", "privacy erase-message", "audit seal", "audit archive", "attachments done", "events record",
    "events notify", "protect", "unprotect", "cluster distribute", "cluster undistribute", "cluster relay",
    "cluster add", "cluster rebalance", "cluster isolate",
}  # fmt: skip
ARGUMENTS = {
    "undo": "--yes", "repair": "20241217000001", "baseline": "20241217000001", "squash": "--to 20241217000001 --sql-dir {sql} --scratch {scratch}", "verify": "--scratch {scratch}",
    "new migration": "add_note --sql-dir {sql}", "new project": "theirs --from goose --history --sql-dir ours", "reset": "--yes --database {name}",
    "models": "--for python", "batch pause": "1", "batch resume": "1", "batch rate": "1 100", "partition retire": "--older-than 12mo --yes",
    "partition archive": "2024-01", "partition restore": "2024-01", "hold add": "--reason r --user alice", "hold export": "1",
    "hold release": "1 --reason r", "retention run": "--yes", "privacy export": "alice --out export", "privacy erase": "alice --yes",
    "privacy erase-conversation": "{room} --yes", "privacy erase-message": f"{ID} --yes", "audit anchor": "--key key",
    "audit prove": "1", "audit prove-key": ID, "audit archive": "--out trail", "attachments done": ID, "unprotect": "--yes",
    "report snapshot": "second.json", "report diff": "first.json", "cluster add": "127.0.0.1:1 --yes", "cluster isolate": f"{ID} --yes",
}  # fmt: skip
# What a command says that needs something else than a primary: the keys of alice are not in the trail, events need the primary, and
# nodes a cluster.
ANSWERS = {
    "audit prove-key": (1, "audit.no-entry"), "events tail": (1, "events.standby"),
    "cluster status": (1, "cluster.not-distributed"), "cluster verify": (1, "cluster.not-distributed"),
}  # fmt: skip
# What a dry run refuses on any server like this one: there is no such message, and no Citus.
DRY = {
    "privacy erase-message": "privacy.", "cluster distribute": "cluster.no-extension", "cluster rebalance": "cluster.not-distributed",
    "cluster isolate": "cluster.not-distributed",
}  # fmt: skip
# What watches has no end; it is the overview again and again.
ENDLESS = {"report watch"}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the commands that work on a database, with their names; the reports are commands too."""
    names = command.list_commands(None) if hasattr(command, "list_commands") else ()
    if any("--url" in param.opts for param in command.params) and not names:
        yield " ".join(path), command
    for name in names:
        yield from leaves(command.get_command(None, name), (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.fixture(scope="module")
def pair(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Database]]:
    """A database with demo data, roles and a seal on a primary, and the same on its standby."""
    kind = "embedded" if server.version >= 180000 else "system"
    with private(programs(kind), "primary") as primary:
        for base in create(primary, "base"):
            folder = tmp_path_factory.mktemp("base")
            for command in (["migrate"], ["seed", "users"], ["roles", "apply"], ["audit", "seal"]):
                done = run_cli(*command, "--url", base.url, cwd=folder)
                assert done.code == 0, done.err
            base.run("insert into public.conversations (title) values ('room')")
            with private(programs(kind), "standby", of=primary) as standby:
                yield base, Database(standby, base.name)


@pytest.fixture
def folder(cli: Cli, pair: tuple[Database, Database], tmp_path: Path) -> Path:
    """The folder with the files that some of the commands ask for."""
    made = cli("audit", "key", "--out", "key")
    assert made.code == 0, made.err
    assert keys.read_private(tmp_path / "key")
    shutil.copytree(ROOT / "sql", tmp_path / "copy")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "00001_note.sql").write_text("-- +goose Up\nselect 1;\n-- +goose Down\nselect 1;\n")
    return tmp_path


def state(primary: Database) -> tuple[Any, ...]:
    """Return what a command could have changed: rows of each table, objects, roles and databases."""
    names = primary.all(
        "select format('%I.%I', n.nspname, c.relname) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema)' order by 1"
    )
    tables = primary.all(" union all ".join(f"select '{name}', count(*) from {name}" for (name,) in names))
    others = [
        primary.all(query)
        for query in (
            "select datname from pg_database order by 1",
            "select rolname from pg_roles order by 1",
            "select oid, relname from pg_class order by 1",
            "select max(id) from public.audit_logs",
        )
    ]
    return tables, others


def check_refused(result: Result, primary: Database, standby: Database, words: str) -> None:
    assert result.code == 4, (words, result.out, result.err)
    address = f"127.0.0.1:{standby.server.port}"
    assert f"error[connect.standby]: {address} is a read-only standby, and this command writes" in result.err, (words, result.err)
    assert f"use the primary (127.0.0.1:{primary.server.port})" in result.err, (words, result.err)


def test_every_command_on_a_standby(cli: Cli, pair: tuple[Database, Database], folder: Path) -> None:
    primary, standby = pair
    caught_up(primary, standby)
    room = primary.one("select id::text from public.conversations limit 1")
    assert cli("report", "snapshot", "first.json", "--url", standby.url).code == 0
    assert COMMANDS.keys() >= WRITES
    assert ARGUMENTS.keys() <= COMMANDS.keys()
    before = state(primary)
    tried = 0
    for name in sorted(COMMANDS.keys() - ENDLESS):
        words = f"{name} {ARGUMENTS.get(name, '')}".format(name=standby.name, room=room, sql=folder / "copy", scratch=primary.url)
        result = cli(*words.split(), "--url", standby.url)
        tried += 1
        assert "Traceback" not in result.err, (words, result.err)
        if name in WRITES:
            check_refused(result, primary, standby, words)
        elif name in ANSWERS:
            code, error = ANSWERS[name]
            assert (result.code, f"error[{error}]" in result.err) == (code, True), (words, result.err)
        else:
            assert result.code in (0, 3), (words, result.out, result.err)
            assert result.out or result.err, words
        if name.startswith("report ") and "watch" not in name and "diff" not in name and "snapshot" not in name:
            assert ", standby" in result.out, words
    assert tried > 70, "the commands of the command line were not found"
    assert state(primary) == before


def test_dry_runs_on_a_standby(cli: Cli, pair: tuple[Database, Database], folder: Path) -> None:
    primary, standby = pair
    caught_up(primary, standby)
    room = primary.one("select id::text from public.conversations limit 1")
    before = state(primary)
    for name, command in COMMANDS.items():
        if any("--dry-run" in param.opts for param in command.params):
            words = f"{name} {ARGUMENTS.get(name, '')} --dry-run".format(
                name=standby.name, room=room, sql=folder / "copy", scratch=primary.url
            )
            result = cli(*words.replace("--yes ", "").split(), "--url", standby.url)
            assert result.code == 0 or f"error[{DRY.get(name)}" in result.err, (words, result.err)
            assert "Traceback" not in result.err, words
    assert state(primary) == before
