"""SQL in an argument, a value of chatschema.toml or the name of a database stays text: nothing of it is executed or parsed."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from chatschema.values import TABLES
from tests.support import ROOT
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.migrations import NEXT
from tests.support.pace import long
from tests.support.rows import add_conversation, add_message
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
# Whatever quotes it stands in, the end is a statement of its own; a percent sign and a brace are for what formats text.
PAYLOADS = ("x'; drop table public.canary; --", 'x"; drop table public.canary; --', "x$$; drop table public.canary; --{0}%s")
# They start servers or watch for ever.
LEFT_OUT = ("server", "report watch", "ci pool start")
# How PostgreSQL answers to text that got into a statement.
PARSED = ("syntax error", "unterminated", "42601", "Traceback", "does not exist\nLINE")
# What must not be the answer: the value was not looked at.
UNREAD = ("Missing argument", "Missing option", "No such option", "unexpected extra argument")
# What else a command needs, by the name of the parameter, or of command and parameter: values with which it gets to its work.
NEEDED = {
    "id": "1", "ids": str(uuid.UUID(int=1)), "rows": "10", "month": "2026-01", "reason": "a test", "file": "file", "before": "file", "name": "polls",
    "user": "{user}", "conversation": "{conversation}", "message": "{message}", "for": "sequelize", "out": "out", "key": "anchor.key",
    "to": NEXT, "source": "sql", "from": "dbmate", "new profile from": "{url}", "repair id": NEXT, "baseline id": NEXT, "database": "none",
    "audit prove-key id": str(uuid.UUID(int=1)), "report explain name": "indexes",
}  # fmt: skip
# Asked for by no payload: the first of them would change what the next ones are tried on.
ASKS = ("undo", "reset")
# The commands that use the values of each table of chatschema.toml, and those that read all of it.
USERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "partition": (("partition", "plan"), ("partition", "ensure")), "locks": (("migrate",),), "batches": (("batch", "run"),), "migrate": (("migrate",),),
    "privacy": (("privacy", "register"),), "sessions": (("retention", "run", "--yes"),), "events": (("retention", "run", "--yes"),),
    "retention": (("retention", "plan"),), "audit": (("maintain",), ("audit", "seal")), "report": (("report",),), "verify": (("verify",),),
}  # fmt: skip
EVERY = (("migrate",), ("maintain",), ("status", "--check"), ("report",))
_OPTIONS = """
import json, typer
from chatschema.cli import app
name = lambda one: one.opts[0].lstrip('-')
def walk(command, path):
    if hasattr(command, 'list_commands'):
        for sub in command.list_commands(None): walk(command.get_command(None, sub), [*path, sub])
        return
    options = {option for one in command.params for option in one.opts}
    for one in command.params:
        if getattr(one, 'is_flag', False) or one.type_descriptor.annotation in (int, float, bool): continue
        needed = [(other.opts[0], name(other)) for other in command.params if other.required and other is not one]
        print(json.dumps([' '.join(path), one.opts[0] if one.opts[0].startswith('--') else '', needed, sorted(options & {'--yes', '--url'})]))
walk(typer.main.get_command(app), [])
"""


@dataclass(frozen=True)
class Parameter:
    """A parameter that takes a text: its command, its option, "" for an argument, and all else that the command needs to run."""

    command: str
    option: str
    needed: tuple[tuple[str, str], ...]
    has: tuple[str, ...]

    def arguments(self, payload: str, given: dict[str, str]) -> list[str]:
        """Return the command with the payload; a value that begins with a dash is none of an argument."""
        more = ["--yes"] if "--yes" in self.has and self.command not in ASKS else []
        more += ["--url", given["url"]] if "--url" in self.has else []
        before: list[str] = []
        for option, name in self.needed:
            value = NEEDED.get(f"{self.command} {name}", NEEDED.get(name, "")).format(**given)
            assert value, f"what does {self.command} need as {name}?"
            (more if option.startswith("--") else before).extend([option, value] if option.startswith("--") else [value])
        return [*self.command.split(), *before, *([self.option, payload] if self.option else [payload]), *more]


def parameters() -> list[Parameter]:
    """Return each parameter that takes a text, of each command."""
    done = subprocess.run([sys.executable, "-c", _OPTIONS], env=clean_environment(), capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        Parameter(command, option, tuple(map(tuple, needed)), tuple(has))
        for command, option, needed, has in found
        if not command.startswith(LEFT_OUT) and option not in ("--url", "--sql-dir")
    ]


@pytest.fixture(scope="module")
def every() -> list[Parameter]:
    found = parameters()
    assert len(found) > 80
    return found


@pytest.fixture
def watched(migrated: Database) -> Iterator[Database]:
    migrated.run("create table public.canary (id int primary key)")
    yield migrated
    assert migrated.one("select to_regclass('public.canary') is not null")
    assert (
        migrated.one(
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relname = any(%s)", list(TABLES)
        )
        == 9
    )


def is_text(result: Result, what: str) -> None:
    found = [sign for sign in PARSED if sign in result.out + result.err]
    assert not found, f"{what}: {result.out}{result.err}"


def test_an_argument_is_never_sql(cli: Cli, watched: Database, every: list[Parameter], tmp_path: Path) -> None:
    """In each form that gets to its work: all else that the command needs is given, so that a payload alone is wrong."""
    cases = [(one, payload) for one in every for payload in PAYLOADS]
    # Where `new` writes.
    for folder in ("sql", "seeds"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "chatschema.toml").write_text('sql_dir = "sql"\nseeds_dir = "seeds"\n')
    assert cli("audit", "key", "--out", "anchor.key").code == 0
    user, conversation = add_conversation(watched)
    message = add_message(watched, user, conversation)
    assert cli("hold", "add", "--conversation", str(conversation), "--reason", "case 7", "--url", watched.url).code == 0
    given = {"url": watched.url, "user": str(user), "conversation": str(conversation), "message": str(message)}
    for one, payload in cases if FULL else cases[::7]:
        result = cli(*one.arguments(payload, given))
        is_text(result, f"{one.command} {one.option} {payload}")
        unread = [sign for sign in UNREAD if sign in result.err]
        assert not unread, f"{one.command} {one.option}: {result.err}"
    print(f"{len(every)} parameters of {len({one.command for one in every})} commands, {len(PAYLOADS)} payloads")


def test_a_value_of_the_configuration_is_never_sql(cli: Cli, watched: Database, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    (block,) = (text.partition("```")[0] for text in page.split("```toml\n") if "[partition]" in text.partition("```")[0])
    example = tomllib.loads(block)
    tables = {name: values for name, values in example.items() if isinstance(values, dict)}
    keys = [(name, key) for name, values in tables.items() for key, value in values.items() if not isinstance(value, dict)]
    assert len(keys) > 12
    assert {name for name, _ in keys} == {*USERS}, "which command uses a new table?"
    for number, (name, key) in enumerate(keys):
        commands = [*USERS[name], *EVERY]
        for payload in PAYLOADS if FULL else PAYLOADS[number % 3 :][:1]:
            (tmp_path / "chatschema.toml").write_text(f"[{name}]\n{key} = '''{payload}'''\n")
            for command in commands if FULL else commands[:1]:
                is_text(cli(*command, "--url", watched.url), f"{command} with [{name}] {key} = {payload}")
    for payload in PAYLOADS:
        (tmp_path / "chatschema.toml").write_text(
            f"[[report.suppress]]\nfinding = '''{payload}'''\nreason = '''{payload}'''\nuntil = 2099-01-31\n"
            f"[[verify.ignore]]\nobject = '''{payload}'''\nreason = '''{payload}'''\n"
        )
        for command in (("report",), ("verify",)):
            is_text(cli(*command, "--url", watched.url), f"{command} with a suppressed {payload}")


@long
def test_a_database_may_have_any_name(cli: Cli, server: PgServer) -> None:
    name = "übung'\"; drop table public.canary; -- %s {x}"
    quoted = '"' + name.replace('"', '""') + '"'
    with server.connect("postgres") as admin:
        admin.execute("create table if not exists public.canary (id int)")
        admin.execute(f"create database {quoted} encoding utf8 template template0".encode())
        url = server.url(quote(name, safe=""))
        try:
            for command in (
                ("migrate",), ("status",), ("seed",), ("partition", "list"), ("report",), ("verify", "--scratch", "same"), ("roles", "apply", "--dry-run"),
                ("undo", "--dry-run", "--scratch", "same"), ("reset", "--yes"), ("migrate",),
            ):  # fmt: skip
                result = cli(*command, "--url", url)
                assert result.code == 0, f"{command}: {result.err}"
                is_text(result, " ".join(command))
            assert admin.execute("select to_regclass('public.canary') is not null").fetchone() == (True,)
        finally:
            admin.execute("drop table public.canary")
            admin.execute(f"drop database if exists {quoted} with (force)".encode())
