"""Recipes to be tested: the arguments, the state before, and the direct change that leads to the same end."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import ROOT, load
from tests.support.cli import Result, run_cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS
from tests.support.months import make_months

_READ_SESSION = """
    insert into public.auth_sessions (id, user_id, refresh_token_hash)
        select '0192e0c0-0000-7000-8000-000000000001', user_id, '$2b$12$' || repeat('a', 53) from public.load where n = 1
        on conflict (id) do update set last_used_at = now();
    update public.auth_sessions set last_used_at = now() where id = '0192e0c0-0000-7000-8000-000000000001';
    select count(*) from public.auth_sessions;
"""


@dataclass(frozen=True)
class Case:
    """A recipe with its arguments, and the direct change in one statement after another.

    `before` prepares the database; `scripts` are added to what the clients do while the files run.
    """

    name: str
    arguments: tuple[str, ...]
    direct: str
    before: str = ""
    scripts: dict[str, str] = field(default_factory=dict)

    @property
    def recipe(self) -> str:
        return self.arguments[0]


CASES = (
    Case(
        "not null", ("set-not-null", "messages", "sender_id"), "alter table public.messages alter column sender_id set not null"
    ),
    Case(
        "check", ("check", "messages", "content_short", "octet_length(content_encrypted) <= 60000"),
        "alter table public.messages add constraint messages_content_short_check check (octet_length(content_encrypted) <= 60000)",
    ),
    Case(
        "key by months", ("foreign-key", "messages", "sender_id", "users", "on delete restrict"),
        "alter table public.messages add constraint messages_sender_id_fkey foreign key (sender_id) references public.users (id)"
        " on delete restrict",
        before="alter table public.messages drop constraint messages_sender_id_fkey",
    ),
    Case(
        "key with its index", ("foreign-key", "messages", "deleted_by", "users"),
        "create index idx_messages_deleted_by on public.messages (deleted_by);"
        " alter table public.messages add constraint messages_deleted_by_fkey foreign key (deleted_by) references public.users (id)",
    ),
    Case(
        "key of a plain table", ("foreign-key", "attachments", "uploader_id", "users", "on delete restrict"),
        "alter table public.attachments add constraint attachments_uploader_id_fkey"
        " foreign key (uploader_id) references public.users (id) on delete restrict",
        before="alter table public.attachments drop constraint attachments_uploader_id_fkey",
    ),
    Case(
        "unique by months", ("unique", "messages", "sender_id, created_at, id"),
        "create unique index messages_sender_id_created_at_id_key on public.messages (sender_id, created_at, id)",
    ),
    Case(
        "unique", ("unique", "attachments", "uploader_id, id"),
        "alter table public.attachments add constraint attachments_uploader_id_id_key unique (uploader_id, id)",
    ),
    Case(
        "column with a default", ("add-column", "messages", "lang", "text not null default 'en'"),
        "alter table public.messages add column lang text not null default 'en'",
    ),
    Case("drop a column", ("drop-column", "messages", "edit_count"), "alter table public.messages drop column edit_count"),
    Case(
        "rename a table", ("rename-table", "auth_sessions", "logins"), "alter table public.auth_sessions rename to logins",
        scripts={"session": _READ_SESSION},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """The files of a recipe in a copy of sql/, which the command line takes with --sql-dir."""

    sql_dir: Path
    ids: list[str]


def prepared(database: Database, messages: int, months: int = 24) -> None:
    """Give the database so many months, the current one included, with so many messages each."""
    make_months(database, months)
    names = database.all(
        "select to_char(date_trunc('month', now()) - i * interval '1 month', 'YYYY-MM') from generate_series(1, %s) as i",
        months - 1,
    )
    load.prepare(database, {name: messages for (name,) in names})


def write(cases: Sequence[Case], database: Database, folder: Path) -> Written:
    """Write the files of recipes with the command line; the database is as `before` of each leaves it."""
    sql_dir = folder / "sql"
    shutil.rmtree(sql_dir, ignore_errors=True)
    shutil.copytree(ROOT / "sql", sql_dir)
    own = ("--url", database.url, "--sql-dir", str(sql_dir))
    for case in cases:
        result = run_cli("new", "migration", "--recipe", *case.arguments, *own, cwd=folder)
        assert result.code == 0, result.err
    ids = sorted({path.name.split(".")[0] for path in (sql_dir / "migrations").glob("*.sql")} - set(IDS))
    assert ids
    return Written(sql_dir, ids)


def migrate(database: Database, written: Written, folder: Path, *more: str) -> Result:
    return run_cli("migrate", *more, "--url", database.url, "--sql-dir", str(written.sql_dir), cwd=folder)


def undo(database: Database, written: Written, folder: Path) -> Result:
    steps = ("undo", "--steps", str(len(written.ids)), "--yes")
    return run_cli(*steps, "--url", database.url, "--sql-dir", str(written.sql_dir), cwd=folder)


def normal(database: Database) -> str:
    """Return the dump of a database without the order of columns, and without the comments that an author has yet to write."""
    text = re.sub(r"^COMMENT ON .*'[^']*TODO[^']*(?:''[^']*)*';\n", "", dump(database), flags=re.MULTILINE)
    text = re.sub(
        r"(?<=\(\n)(?:    .*\n)+(?=\))", lambda match: "".join(sorted(re.sub(r",\n", "\n", match[0]).splitlines(True))), text
    )
    # Comments of columns come in the order of the columns.
    comments = sorted(re.findall(r"^COMMENT ON COLUMN .*;$", text, re.MULTILINE))
    text = re.sub(r"^COMMENT ON COLUMN .*;$", "", text, flags=re.MULTILINE)
    return "\n".join([re.sub(r"\n{2,}", "\n", text), *comments])
