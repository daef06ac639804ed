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

_POLLS = """
    create table public.polls (id int primary key, question text not null, votes int not null default 0);
    grant select on public.polls to public; grant select, insert on public.polls to pg_monitor with grant option
"""
_VOTE = """
    \\set n random(1, 100000)
    insert into public.polls (id, question) values (:n, 'when?') on conflict (id) do update set votes = polls.votes + 1;
    update public.polls set votes = votes + 1 where id = :n;
    select * from public.polls where id = :n for update;
    delete from public.polls where id = :n + 1;
"""
# Columns with all that a copy has to have: a default, not null, an index and a check, with comments.
_RATING = """
    alter table public.messages add column rating integer not null default 0 constraint messages_rating_check check (rating >= 0);
    create index idx_messages_rating on public.messages (rating, created_at) where rating > 0;
    comment on column public.messages.rating is 'How often it was liked.';
    comment on constraint messages_rating_check on public.messages is 'From 0.';
    comment on index public.idx_messages_rating is 'What''s liked most.'
"""
_RATE = """
    update public.messages set rating = rating + 1 where id = (select id from public.messages order by id desc limit 1);
"""
_TOPIC = """
    alter table public.messages add column topic text collate "C" not null default 'none' constraint messages_topic_check check (topic <> '');
    create index idx_messages_topic on public.messages (lower(topic));
    comment on column public.messages.topic is 'What it is about.'
"""
_SET_TOPIC = """
    \\set n random(1, 50)
    insert into public.messages (conversation_id, sender_id, content_encrypted, topic)
        select conversation_id, user_id, 'hello', 'weather' from public.load where n = :n;
    update public.messages set topic = 'sports' where id = (select id from public.messages order by id desc limit 1);
    select topic from public.messages order by id desc limit 1;
"""


@dataclass(frozen=True)
class Case:
    """A recipe with its arguments, and the direct change in one statement after another.

    `before` prepares the database; `scripts` are added to what the clients of the earlier release do.
    `undo_is_long`: undoing the contract file writes the table while others wait, and its header says so.
    """

    name: str
    arguments: tuple[str, ...]
    direct: str
    before: str = ""
    scripts: dict[str, str] = field(default_factory=dict)
    undo_is_long: bool = False

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
    Case(
        "column with a volatile default", ("add-column", "messages", "tag", "uuid not null default gen_random_uuid()"),
        "alter table public.messages add column tag uuid not null default gen_random_uuid()",
    ),
    Case(
        "change a type", ("change-type", "messages", "rating", "bigint"),
        "alter table public.messages alter column rating type bigint", before=_RATING, scripts={"rate": _RATE}, undo_is_long=True,
    ),
    Case(
        "rename a column", ("rename-column", "messages", "topic", "subject"),
        "alter table public.messages rename column topic to subject", before=_TOPIC, scripts={"topic": _SET_TOPIC}, undo_is_long=True,
    ),
    Case(
        "drop a column", ("drop-column", "messages", "note"), "alter table public.messages drop column note",
        before="alter table public.messages add column note text not null default 'x' constraint messages_note_check check (note <> '');"
        " create index idx_messages_note on public.messages (note, created_at);"
        " comment on index public.idx_messages_note is 'Notes''s own.'; comment on column public.messages.note is 'A note.'",
    ),
    Case(
        "rename a table", ("rename-table", "polls", "surveys"), "alter table public.polls rename to surveys", before=_POLLS,
        scripts={"vote": _VOTE},
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
    return run_cli("migrate", *more, "--url", database.url, "--sql-dir", str(written.sql_dir), cwd=folder, timeout=900)


def undo(database: Database, written: Written, folder: Path) -> Result:
    steps = ("undo", "--steps", str(len(written.ids)), "--yes")
    return run_cli(*steps, "--url", database.url, "--sql-dir", str(written.sql_dir), cwd=folder, timeout=900)


def normal(database: Database) -> str:
    """Return the dump of a database: without the order of columns and statements, and the comments that an author has yet to write.

    The server chose the names of the months' indexes, after the names of their columns then; here they have their definitions.
    """
    text = re.sub(r"^COMMENT ON .*'[^']*TODO[^']*(?:''[^']*)*';\n", "", dump(database), flags=re.MULTILINE)
    # On 18 a column's NOT NULL has a name, after the name of the column when it was set.
    text = re.sub(r"CONSTRAINT \w+ (?=NOT NULL)", "", text)
    for name, table, definition in re.findall(
        r"^CREATE (?:UNIQUE )?INDEX (\w+) ON chat_partitions\.(\w+) (.*);$", text, re.MULTILINE
    ):
        text = re.sub(rf"\b{name}\b", f"<{table} {definition}>", text)
    text = re.sub(
        r"(?<=\(\n)(?:    .*\n)+(?=\))", lambda match: "".join(sorted(re.sub(r",\n", "\n", match[0]).splitlines(True))), text
    )
    # Changing a type with ALTER TABLE on 15 also writes the comment of an index to its parts.
    pieces = (piece.strip() for piece in text.split(";\n") if not piece.strip().startswith("COMMENT ON INDEX chat_partitions."))
    return "\n".join(sorted(pieces))
