"""New migration files: the header that every migration has, and for a table the parts that every table has."""

import itertools
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatschema.errors import UsageError

# Stands in a new file where its author has to write. The tests find it.
UNWRITTEN = "TODO"
_TABLE = re.compile(r"create_(?P<table>[a-z][a-z0-9_]*)_table")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A line of the header, `-- Name: text`, that a migration must have.

    `text`: what it has to say. `table_text`: the same for a new table, where more is known. `since`: the number of the first
    migration that needs it, as released migrations are never edited. `is_for_tables`: whether only a new table needs it.
    """

    name: str
    text: str
    table_text: str = ""
    since: str = ""
    is_for_tables: bool = False

    def is_needed(self, id: str) -> bool:
        """Return whether the migration `id` must have this line."""
        return id >= self.since and (not self.is_for_tables or table_of(id) is not None)

    def line(self, id: str) -> str:
        """Return the line to add to the migration `id`."""
        return f"-- {self.name}: {self.table_text if self.table_text and table_of(id) else self.text}"


# A rule that is added later has a line here, and a test of the rule. New files then have the line, and the tests ask for it.
DECLARATIONS = (
    Declaration(
        "Why", f"{UNWRITTEN} why the change is needed, so that a reviewer can check it.", f"{UNWRITTEN} why the table is needed."
    ),
    Declaration(
        "Risk",
        f"{UNWRITTEN} which locks it takes, on which tables, for how long.",
        f"new table; {UNWRITTEN} name the tables that a foreign key refers to: writes to them wait until the commit.",
    ),
    Declaration(
        "Access",
        f"{UNWRITTEN} what each group may do with it, as: app: select, insert (id); readonly: select (id). Or: none, because ...",
        since="20261127000212",
        is_for_tables=True,
    ),
    Declaration("Demo", f"{UNWRITTEN} yes, where a seeder fills it, or: no, and why.", since="20261127000031", is_for_tables=True),
)
_TITLE = "-- {object}: {sentence}.\n"
_ROLLBACK = "-- Undoes {id}, in reverse order.\n"
_NEW_TABLE = """\
create table public.{table} (
    id          uuid        not null default chatschema.uuid7(),
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    constraint {table}_pkey primary key (id)
);

create trigger {table}_set_updated_at before update on public.{table}
    for each row execute function chatschema.set_updated_at();

-- {unwritten} the policies for users: those in docs/reference/access.md are examples. Without one the group app sees no row.
alter table public.{table} enable row level security;

comment on table public.{table} is '{unwritten} what a row is.';
-- The last line of a column's comment says what personal data it holds: docs/reference/personal-data.md has the words.
comment on column public.{table}.id is 'UUIDv7.
pii=none';
comment on column public.{table}.created_at is 'When the row was added.
pii=none';
comment on column public.{table}.updated_at is 'Last change, set by a trigger.
pii=none';
comment on constraint {table}_pkey on public.{table} is 'Each row has one id.';
comment on index public.{table}_pkey is 'Look-up by id.';
comment on trigger {table}_set_updated_at on public.{table} is 'Sets updated_at.';
"""


def table_of(id: str) -> str | None:
    """Return the table that the migration `id` creates, by its name NUMBER_create_TABLE_table, None for any other."""
    match = _TABLE.fullmatch(id[15:])
    return match["table"] if match else None


def missing_declarations(id: str, text: str) -> list[str]:
    """Return the lines that the header of the migration `id` lacks, ready to be added to `text`."""
    found = declared(text)
    return [entry.line(id) for entry in DECLARATIONS if entry.is_needed(id) and entry.name not in found]


def declared(text: str) -> dict[str, str]:
    """Return the declarations in the header of a migration's text: the comments above its first statement, without its title.

    Lines of one name are one declaration, with a semicolon between them.
    """
    # Line by line: a file with rows can be large.
    lines = (match[1] for match in re.finditer(r"(.*)(?:\n|\Z)", text))
    header = itertools.takewhile(lambda line: line.startswith("--"), itertools.islice(lines, 1, None))
    found: dict[str, str] = {}
    for match in filter(None, (re.fullmatch(r"-- (\w+): (.*\S)", line) for line in header)):
        found[match[1]] = f"{found[match[1]]}; {match[2]}" if match[1] in found else match[2]
    return found


def write_migration(folder: Path, name: str, now: datetime) -> tuple[Path, Path]:
    """Write NAME's pair of files, numbered after every other, and return their paths.

    Raises UsageError when the name is not verb_object in ASCII.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", slug) or not name.isascii():
        raise UsageError(
            f"{name!r} is not a valid name for a migration",
            "use verb_object in ASCII: chatschema new migration add_messages_pin",
            code="migration.name",
        )
    id = next_id(folder, slug, now)
    return write(folder, id, *_texts(id))


def next_id(folder: Path, slug: str, now: datetime) -> str:
    """Return the id of a new migration: a number after every other in the folder, and the slug."""
    numbers = [int(path.name[:14]) for path in folder.glob("*.sql") if re.match(r"\d{14}_", path.name)]
    return f"{max([int(now.strftime('%Y%m%d%H%M%S')), *(number + 1 for number in numbers)]):014}_{slug}"


def write(folder: Path, id: str, apply: str, rollback: str) -> tuple[Path, Path]:
    """Write a migration and its rollback, and return their paths."""
    paths = folder / f"{id}.sql", folder / f"{id}.rollback.sql"
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, (apply, rollback), strict=True):
        path.write_text(text, "utf-8")
    return paths


def _texts(id: str) -> tuple[str, str]:
    """Return the text of the migration and of its rollback; those of a new table can be run as they are."""
    table = table_of(id)
    verb, _, subject = id[15:].partition("_")
    title = _TITLE.format(
        object=table or subject, sentence=f"{UNWRITTEN} what a row is" if table else f"{verb} {subject.replace('_', ' ')}"
    )
    header = title + "".join(f"{entry.line(id)}\n" for entry in DECLARATIONS if entry.is_needed(id))
    rollback = _ROLLBACK.format(id=id)
    if not table:
        return f"{header}\n", f"{rollback}\n"
    return header + _NEW_TABLE.format(table=table, unwritten=UNWRITTEN), f"{rollback}drop table public.{table};\n"
