"""status: the truth, from any role, at any time, and to any kind of output."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatschema.values import TABLES
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.migrations import IDS
from tests.support.pace import long


def on_terminal(database: Database, columns: int, *arguments: str, cwd: Path | None = None, **extra: str) -> str:
    """Return what the command prints on a terminal of `columns`."""
    import fcntl
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-m", "chatschema", *arguments, "--url", database.url],
        env=clean_environment({"TERM": "xterm-256color", **extra}), stdin=child, stdout=child, stderr=child, cwd=cwd,
    )  # fmt: skip
    os.close(child)
    text = b""
    try:
        while chunk := os.read(parent, 65536):
            text += chunk
    except OSError:
        pass
    running.wait()
    os.close(parent)
    return text.decode()


def test_an_empty_database_is_all_pending(cli: Cli, empty: Database) -> None:
    result = cli("status", "--url", empty.url)
    assert result.code == 0, result.err
    assert result.out.count("pending") == len(IDS)
    assert "next: chatschema migrate" in result.out
    assert cli("status", "--check", "--url", empty.url).code == 3
    assert empty.one("select to_regnamespace('chatschema') is null")


def test_counts_are_exact_while_small(cli: Cli, seeded: Database) -> None:
    tables = {entry["table"]: entry for entry in cli("status", "--json", "--url", seeded.url).json()["tables"]}
    assert tuple(tables) == TABLES
    for table, entry in tables.items():
        assert (entry["rows"], entry["is_exact"]) == (seeded.one(f"select count(*) from {table}"), True)


def test_json_has_stable_keys_and_utc_times(cli: Cli, seeded: Database) -> None:
    document = cli("status", "--json", "--url", seeded.url).json()
    assert sorted(document) == [
        "findings",
        "migrations",
        "nodes",
        "partitions",
        "protection",
        "runway",
        "seeds",
        "server",
        "source",
        "structure",
        "tables",
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", document["migrations"][0]["applied_at"])
    assert document["migrations"][1]["title"].startswith("users: who can talk")


def test_large_tables_are_estimated_and_marked(cli: Cli, migrated: Database) -> None:
    migrated.run("""insert into public.audit_logs (action, details) select 'x', jsonb_build_object('t', repeat('a', 400)) from generate_series(1, 40000);
        analyze public.audit_logs""")
    tables = {entry["table"]: entry for entry in cli("status", "--json", "--url", migrated.url).json()["tables"]}
    assert tables["audit_logs"]["is_exact"] is False
    assert abs(tables["audit_logs"]["rows"] - 40000) < 4000
    assert "~" in cli("status", "--url", migrated.url).out


def test_a_locked_table_does_not_hold_it_up(cli: Cli, seeded: Database) -> None:
    with seeded.connect() as blocker:
        blocker.execute("begin; lock table public.users, public.messages in access exclusive mode")
        started = time.monotonic()
        result = cli("status", "--url", seeded.url)
        assert result.code == 0, result.err
        assert time.monotonic() - started < 8
    assert re.search(r"users +~25 ", result.out)


def test_piped_output_is_plain_and_whole(cli: Cli, seeded: Database) -> None:
    result = cli("status", "--url", seeded.url, env={"COLUMNS": "40"})
    assert "\033" not in result.out + result.err
    assert not set("│─┃━╭") & set(result.out)
    assert "what became of a message at each reader: delivered, read, reactions; months as in messages." in result.out


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_on_a_terminal_no_line_is_wider_than_it(seeded: Database, columns: int) -> None:
    text = re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "", on_terminal(seeded, columns, "status"))
    tables = text[text.index("migration") : text.index("seeds:")]
    assert max(len(line.rstrip("\r\n")) for line in tables.splitlines()) <= columns
    # Nothing is cut off: what --to wants can be read whole.
    assert "20241217000005" in text
    assert ("_create_conversation_participants_table" in text) == (columns >= 120)
    assert "…" not in text


def test_colours_on_a_terminal_and_none_with_no_color(seeded: Database) -> None:
    assert "\033[32m" in on_terminal(seeded, 160, "status")
    assert not re.search(
        r"\033\[\d*(;\d+)*m", on_terminal(seeded, 160, "status", NO_COLOR="1").replace("\033[1m", "").replace("\033[0m", "")
    )
    error = on_terminal(seeded, 160, "migrate", "--to", "nothing")
    assert "\033[31merror[migration.unknown]:\033[0m" in error
    assert "\033[31m" not in on_terminal(seeded, 160, "migrate", "--to", "nothing", NO_COLOR="1")


def test_markup_in_the_databases_texts_is_only_text(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    name = "20990101000000_add_note"
    (sql_dir / "migrations" / f"{name}.sql").write_text(
        "-- note: [/b] closes [red]nothing[/red] ünï 👍.\ncreate table public.note (i int);"
    )
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    assert "[/b] closes [red]nothing[/red] ünï 👍." in cli("status", *options).out
    assert "closes" in on_terminal(migrated, 200, "status", "--sql-dir", str(sql_dir))


def test_a_reader_that_has_enough_is_no_error(seeded: Database) -> None:
    command = f"{sys.executable} -m chatschema status --url '{seeded.url}' | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("PostgreSQL")
    assert done.stderr == ""


def test_migrate_goes_on_when_nobody_reads_any_more(empty: Database) -> None:
    command = f"{sys.executable} -m chatschema migrate --url '{empty.url}' | head -n 1"
    env = clean_environment({"PYTHONUNBUFFERED": "1"})
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert empty.one("select count(*) from chatschema.migrations") == len(IDS)


def test_json_stays_json_when_a_text_looks_like_a_password(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    (sql_dir / "migrations" / "20990101000000_add_note.sql").write_text(
        "-- note: says password=text\ncreate table public.note (i int);"
    )
    status = cli("status", "--json", "--url", migrated.url, "--sql-dir", str(sql_dir)).json()
    assert status["migrations"][-1]["title"] == "note: says password=text"


def test_a_broken_ledger_is_an_error_and_no_traceback(cli: Cli, migrated: Database) -> None:
    migrated.run("alter table chatschema.migrations drop column checksum")
    result = cli("status", "--url", migrated.url)
    assert result.code == 1
    assert "Traceback" not in result.err


def test_stdout_is_json_even_when_the_story_is_long(cli: Cli, empty: Database) -> None:
    result = cli("migrate", "--json", "--url", empty.url)
    json.loads(result.out)


def test_version_and_help_load_no_driver() -> None:
    code = (
        "import sys\nfrom chatschema.cli import app\nfor arguments in (['--version'], ['--help'], ['migrate', '--help'], ['seed', '--help']):\n"
        "    try: app(arguments)\n    except SystemExit: pass\n"
        "print(sorted(set(sys.modules) & {'psycopg', 'yoyo', 'faker', 'rich', 'nacl', 'bcrypt', 'click'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@long
def test_many_months_are_estimated_and_never_analyzed_ones_unknown(cli: Cli, seeded: Database) -> None:
    assert cli("partition", "ensure", "--from", "2014-01", "--url", seeded.url).code == 0
    tables = {entry["table"]: entry for entry in cli("status", "--json", "--url", seeded.url).json()["tables"]}
    assert tables["messages"]["is_exact"] is False
    assert tables["messages"]["rows"] == seeded.one("select count(*) from messages")
    old = "2014-02-03 04:05:06+00"
    seeded.run(f"""insert into messages (id, conversation_id, sender_id, content_encrypted, created_at)
        select chatschema.uuid7('{old}'), conversation_id, sender_id, 'x', '{old}' from messages where sender_id is not null limit 1""")
    tables = {entry["table"]: entry for entry in cli("status", "--json", "--url", seeded.url).json()["tables"]}
    assert tables["messages"]["rows"] is None
