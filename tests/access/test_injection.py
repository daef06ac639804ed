"""SQL in an argument, a value of chatschema.toml or the name of a database stays text: nothing of it is executed or parsed."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from chatschema.values import TABLES
from tests.support import ROOT
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.pace import long
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
# Whatever quotes it stands in, the end is a statement of its own; a percent sign and a brace are for what formats text.
PAYLOADS = ("x'; drop table public.canary; --", 'x"; drop table public.canary; --', "x$$; drop table public.canary; --{0}%s")
# They start servers or watch for ever.
LEFT_OUT = ("server", "report watch")
# How PostgreSQL answers to text that got into a statement.
PARSED = ("syntax error", "unterminated", "42601", "Traceback", "does not exist\nLINE")


def options() -> list[tuple[str, str]]:
    """Return each parameter that takes a text, of each command: ("partition ensure", "--from"); of an argument, ("history", "")."""
    code = (
        "import typer\nfrom chatschema.cli import app\n"
        "def walk(command, path):\n"
        "    if hasattr(command, 'list_commands'):\n"
        "        for name in command.list_commands(None): walk(command.get_command(None, name), [*path, name])\n"
        "        return\n"
        "    for one in command.params:\n"
        "        if getattr(one, 'is_flag', False) or one.type_descriptor.annotation in (int, float, bool): continue\n"
        "        print(' '.join(path), one.opts[0] if one.opts[0].startswith('--') else '', sep='\\t')\n"
        "walk(typer.main.get_command(app), [])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True)
    found = [line.split("\t") for line in done.stdout.splitlines()]
    return [
        (command, option) for command, option in found if not command.startswith(LEFT_OUT) and option not in ("--url", "--sql-dir")
    ]


@pytest.fixture(scope="module")
def every() -> list[tuple[str, str]]:
    found = options()
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


def test_an_argument_is_never_sql(cli: Cli, watched: Database, every: list[tuple[str, str]], tmp_path: Path) -> None:
    cases = [(command, option, payload) for command, option in every for payload in PAYLOADS]
    # Where `new migration` writes.
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    (tmp_path / "chatschema.toml").write_text('sql_dir = "sql"\n')
    for command, option, payload in cases if FULL else cases[::5]:
        arguments = [*command.split(), *([option, payload] if option else [payload]), "--url", watched.url]
        is_text(cli(*arguments), f"{command} {option} {payload}")


def test_a_value_of_the_configuration_is_never_sql(cli: Cli, watched: Database, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    (block,) = (text.partition("```")[0] for text in page.split("```toml\n") if "[partition]" in text.partition("```")[0])
    example = tomllib.loads(block)
    tables = {name: values for name, values in example.items() if isinstance(values, dict)}
    keys = [(name, key) for name, values in tables.items() for key, value in values.items() if not isinstance(value, dict)]
    assert len(keys) > 12
    commands = (("migrate",), ("maintain",), ("partition", "plan"), ("status", "--check"), ("report",))
    for number, (name, key) in enumerate(keys):
        for payload in PAYLOADS if FULL else PAYLOADS[number % 3 :][:1]:
            (tmp_path / "chatschema.toml").write_text(f"[{name}]\n{key} = '''{payload}'''\n")
            for command in commands if FULL else commands[number % 5 :][:1]:
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
