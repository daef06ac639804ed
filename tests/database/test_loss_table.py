"""docs/explanation/loss.md: which command can lose data, and what stops it, as observed by running each of them in each situation."""

import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.database.test_foreign import SEQUELIZE
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.migrations import NEXT, write
from tests.support.servers import PgServer
from tests.support.terminal import asked

PATH = ROOT / "docs" / "explanation" / "loss.md"
SITUATIONS = (
    "asks on a terminal", "needs off a terminal", "on a protected database", "with rows of others", "without chatschema's ledger",
    "under an active hold",
)  # fmt: skip
HEAD = """\
# Which commands can lose data

Every command that can remove rows, and what stops it. The table is generated: `tests/database/test_loss_table.py` runs each command in each
situation on a real server, and `make golden` writes the result. The last four columns are runs with the confirmation that the command
needs. "Rows of others" are rows that no seeder created. Other commands remove no row.

"""


TABLE = HEAD + f"| command | removes | {' | '.join(SITUATIONS)} |\n|{'---|' * (len(SITUATIONS) + 2)}\n"


@dataclass(frozen=True)
class Row:
    """A command, what it can remove, the data that its runs are after, and the word that it may need.

    `trail` are the actions of the rows that it leaves in the audit trail; None if the trail goes with the rest.
    """

    command: str
    removes: str
    arguments: tuple[str, ...]
    probe: str
    word: tuple[str, ...] = ()
    setup: str = ""
    config: str = ""
    trail: str | None = ""


MONTH = "select count(*) from public.messages where id < chatschema.uuid7_floor('2024-02-01T00:00Z')"
FOREIGN = "select count(*) from public.messages"
NOTE = "create table public.note (i int); insert into public.note values (1);"
USERS = "select count(*) from public.users"
DUE = "update public.conversations set retention_days = 1"
EXTRA = "select count(*) from information_schema.columns where table_name = 'messages_y2024m01' and column_name = 'extra'"
OF_THEN = """
    alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m01;
    alter table public.messages detach partition chat_partitions.messages_y2024m01;
    alter table chat_partitions.messages_y2024m01 add column extra text default 'value'
"""
CONTENT = "select count(*) from public.messages where content_encrypted is not null"
CONVERSATION, MESSAGE = "018cc251-f400-7000-8000-00000000000c", "018cc251-f400-7000-8000-00000000000d"
ONE_CONVERSATION = f"""
    insert into public.conversations (id, title) values ('{CONVERSATION}', 'one');
    insert into public.conversation_participants (conversation_id, user_id)
    select '{CONVERSATION}', id from public.users limit 1;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted)
    select '{MESSAGE}', conversation_id, user_id, 'content of one message'
    from public.conversation_participants where conversation_id = '{CONVERSATION}'
"""
FILE = "018cc251-f400-7000-8000-00000000000f"
DELETED_FILE = f"""
    insert into public.attachments (id, conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm, state)
    select '{FILE}', conversation_id, user_id, 'file', 1, sha256('x'), 'a', 'deleted'
    from public.conversation_participants where left_at is null limit 1
"""
KEEP = '[partition]\nkeep = "1mo"\ngrace = "0d"\n'
# The commands that take a folder of migrations.
MIGRATES = ("migrate", "undo", "reset")
ROWS = (
    Row("migrate", "what a pending migration's statements remove: a file is reviewed before it is applied", ("migrate",),
        "select count(*) from public.note"),
    Row("undo", "tables, columns and rows that the rollback removes", ("undo",), "select count(*) from public.note", ("--yes",), trail="migration.undo"),
    Row("undo --all", "every table of chatschema", ("undo", "--all"), USERS, ("--yes",), trail=None),
    Row("reset", "the database", ("reset",), USERS, ("--yes",), trail=None),
    Row("seed --undo", "the rows that seeders created", ("seed", "--undo"), USERS, trail="seed.undo"),
    Row("partition retire", "months older than --older-than; unless --no-archive is given, after their archive was read back", ("partition", "retire",
        "--older-than", "1mo", "--grace", "0d"), MONTH, ("--yes",), trail="partition.archive partition.detach partition.drop partition.release_attachments"),
    Row("partition purge", "messages past retention_days or expires_at", ("partition", "purge"), MONTH, (), DUE, trail="retention.purge"),
    Row("partition restore --map", "with OLD=drop, the values of a column that the table no longer has; they are counted and audited",
        ("partition", "restore", "2024-01", "--map", "extra=drop"), EXTRA, (), OF_THEN, trail="partition.refit partition.restore"),
    Row("retention run", "all that is due by chatschema.toml: messages, months, sessions, keys, files, archives, exports, entries of the audit trail",
        ("retention", "run"), MONTH, ("--yes",), DUE, KEEP, trail="partition.archive partition.detach partition.drop retention.purge"),
    Row("maintain", "what retention run removes", ("maintain",), MONTH, (), DUE, KEEP, trail="partition.archive partition.detach partition.drop retention.purge"),
    Row("privacy erase", "the personal data of one person, in tables and archives", ("privacy", "erase", "alice"), CONTENT, ("--yes",), trail="audit.erase privacy.erase privacy.erase_batch"),
    Row("privacy erase-conversation", "messages, files, keys and title of one conversation, in tables and archives",
        ("privacy", "erase-conversation", CONVERSATION), CONTENT, ("--yes",), ONE_CONVERSATION, trail="audit.erase privacy.erase_batch privacy.erase_conversation"),
    Row("privacy erase-message", "content, earlier versions, reactions and files of one message, in tables and archives",
        ("privacy", "erase-message", MESSAGE), CONTENT, ("--yes",), ONE_CONVERSATION, trail="privacy.erase_batch privacy.erase_message"),
    Row("attachments done", "the rows of files whose bytes a collector has removed", ("attachments", "done", FILE),
        "select count(*) from public.attachments where state = 'deleted'", setup=DELETED_FILE, trail="attachment.purge"),
)  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """Where the commands run: the templates to copy, a folder, and SQL files that may be written to."""

    server: PgServer
    cli: Cli
    folder: Path
    sql_dir: Path
    aged: str
    seeded: str

    @contextmanager
    def database(self, row: Row, situation: str) -> Iterator[Database]:
        """Yield a database in which the command has something to remove."""
        for path in (self.sql_dir / "migrations").glob("2099*"):
            path.unlink()
        shutil.rmtree(self.folder / "archives", ignore_errors=True)
        (self.folder / "chatschema.toml").write_text(row.config)
        is_foreign = situation == "without chatschema's ledger"
        template = "template1" if is_foreign else self.seeded if row.command == "seed --undo" else self.aged
        for database in create(self.server, f"loss_{uuid.uuid4().hex[:12]}", template):
            if is_foreign:
                database.run(SEQUELIZE)
            else:
                self._prepare(database, row, situation)
            yield database

    def _prepare(self, database: Database, row: Row, situation: str) -> None:
        options = ("--url", database.url, "--sql-dir", str(self.sql_dir))
        if row.command in ("undo", "migrate"):
            write(self.sql_dir, NEXT, NOTE, "drop table public.note;")
            assert self.cli("migrate", *options).code == 0
        if row.command == "migrate":
            write(self.sql_dir, "20990102000000_drop_note", "drop table public.note;")
        if row.setup:
            database.run(row.setup)
        if situation == "with rows of others":
            database.run("insert into public.users (username) values ('not_a_demo')")
        if situation == "on a protected database":
            database.run("insert into chatschema.protection (reason) values ('production')")
        if situation == "under an active hold":
            period = ("--from", "2024-01-01", "--to", "2024-02-01")
            assert self.cli("hold", "add", *period, "--reason", "case 7", "--url", database.url).code == 0


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command)
def test_the_table_is_what_happens(
    server: PgServer, cli: Cli, tmp_path: Path, sql_dir: Path, aged_template: str, seeded_template: str, row: Row
) -> None:
    ground = Ground(server, cli, tmp_path, sql_dir, aged_template, seeded_template)
    cells = [cell(ground, row, situation) for situation in SITUATIONS]
    assert all(cells)
    line = f"| `{row.command}` | {row.removes} | {' | '.join(cells)} |"
    if os.environ.get("CHATSCHEMA_WRITE_GOLDEN"):
        put(row, line)
    assert line in PATH.read_text("utf-8").splitlines()


def test_every_command_of_the_table_is_run() -> None:
    text = PATH.read_text("utf-8")
    assert text.startswith(TABLE)
    lines = text.removeprefix(TABLE).splitlines()
    assert [line.split("`")[1] for line in lines] == [row.command for row in ROWS]


def put(row: Row, line: str) -> None:
    """Write one line of the table; others write theirs at the same time."""
    with PATH.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        there = {text.split("`")[1]: text for text in file.read().splitlines() if text.startswith("| `")}
        there[row.command] = line
        file.truncate(0)
        file.write(TABLE + "".join(f"{there[one.command]}\n" for one in ROWS if one.command in there))


def cell(ground: Ground, row: Row, situation: str) -> str:
    with ground.database(row, situation) as database:
        before, last = rows(database, row), last_entry(database)
        assert before
        options = ("--url", database.url, *(("--sql-dir", str(ground.sql_dir)) if row.command.split()[0] in MIGRATES else ()))
        if situation == "asks on a terminal":
            return on_a_terminal(ground, row, database, options[2:])
        word = () if situation == "needs off a terminal" else row.word
        result = ground.cli(*row.arguments, *word, *options)
        after = rows(database, row)
        if situation == "with rows of others":
            assert result.code == 0, result.err
            is_in_trail(database, row, last)
    if result.code == 0:
        return "keeps what is held" if after == before else "nothing" if situation == "needs off a terminal" else "runs"
    assert after == before, result.err
    if wanted := re.search(r"add (--\w+)", result.err):
        return f"`{wanted[1]}`" if wanted[1] != "--database" else "refused; `--database NAME` drops it"
    return "refused"


def last_entry(database: Database) -> int:
    has_trail = database.one("select to_regclass('public.audit_logs') is not null")
    return int(database.one("select coalesce(max(id), 0) from public.audit_logs")) if has_trail else 0


def is_in_trail(database: Database, row: Row, last: int) -> None:
    """What a command did is in the trail, each part of it once."""
    if row.trail is None:
        assert last_entry(database) == 0
        return
    found = database.all("select action, resource_type, resource_id from public.audit_logs where id > %s order by id", last)
    assert sorted({action for action, _, _ in found}) == sorted(row.trail.split())
    assert len(set(found)) == len(found)


def on_a_terminal(ground: Ground, row: Row, database: Database, options: tuple[str, ...]) -> str:
    with asked(database, *row.arguments, *options, cwd=ground.folder) as terminal:
        if not terminal.question_or_end().endswith("database: "):
            assert terminal.end().code == 0
            return "nothing"
        terminal.answer("no")
        assert terminal.end().code == 1
    assert rows(database, row)
    return "the database's name"


def rows(database: Database, row: Row) -> int:
    """Return how many of the rows in question there are; of a database without the ledger those of its messages."""
    probe = row.probe if database.one("select to_regclass('chatschema.migrations') is not null") else FOREIGN
    table = probe.split()[3]
    is_there = database.one(f"select to_regclass('{table}') is not null")
    return int(database.one(probe)) if is_there else 0
