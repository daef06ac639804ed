"""Writing the converted files, and recording what was applied."""

import hashlib
import itertools
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from chatschema import __version__, postgres, statements
from chatschema.errors import ChatschemaError, UsageError
from chatschema.migration import files as migration_files
from chatschema.migration import ledger
from chatschema.migration.strangers.past import KINDS
from chatschema.migration.strangers.values import Kind, Past, StrangerFile, number, slug
from chatschema.postgres import Connection

# A comment of theirs that chatschema would read as a line of its own header.
_DIRECTIVE = re.compile(r"(?im)^([ \t]*)--(?=[ \t]*(?:transactional|depends|phase|online|batch|left|wait|lock-\w+)[ \t]*:)")
_LINT = """\
# The files were written for another tool: these rules would find something in each of them.
off = ["header", "comment", "index-query", "unnamed", "no-rollback"]
"""


@dataclass(frozen=True, slots=True)
class Project:
    """The migrations of another tool, in order, their ids by the tool's versions, and what has to be looked at."""

    kind: Kind
    migrations: tuple[StrangerFile, ...]
    ids: dict[str, str]
    notes: tuple[str, ...]


def kind_of(name: str) -> Kind:
    """Return a tool by its name. Raises UsageError for an unknown one."""
    if name not in KINDS:
        raise UsageError(f"there is no converter from {name}", f"there are: {', '.join(KINDS)}", code="strangers.kind")
    return KINDS[name]


def read(kind: Kind, source: Path) -> Project:
    """Return the migrations in a folder. Raises ChatschemaError for versions that cannot be kept, and UsageError for none."""
    found, notes = kind.read(source) if kind.read else ([], [])
    if not found:
        raise UsageError(f"{source} has no migration of {kind.name}", "name the folder that has its files", code="strangers.none")
    return project(kind, found, notes)


def project(kind: Kind, found: list[StrangerFile], notes: list[str]) -> Project:
    """Return these migrations, in their order, with their ids. Raises ChatschemaError for versions that cannot be kept."""
    has_parts = any(not one.version.isdigit() for one in found)
    ids = {one.key: f"{number(one.version, has_parts=has_parts)}_{slug(one.words)}" for one in found}
    _refuse_disorder(found, ids)
    return Project(kind, tuple(found), ids, tuple(notes))


def noted(project: Project, notes: list[str]) -> Project:
    """Return the project with more to be looked at."""
    return replace(project, notes=(*project.notes, *notes))


def write(project: Project, folder: Path) -> list[str]:
    """Write the migrations to `folder`/migrations; return what `migrate` would refuse. Raises UsageError if there are files."""
    refuse_files(folder)
    target, part = folder / "migrations", folder / ".migrations.part"
    # Of a run that was killed.
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for one in project.migrations:
        id = project.ids[one.key]
        words = one.words.replace("_", " ").replace("-", " ").strip()
        title = f"{slug(one.words)}: {words}; converted from {one.source.name} of {project.kind.name}"
        (part / f"{id}.sql").write_text(_prefixed(one.up, title, is_transactional=one.is_transactional), "utf-8")
        if one.down is not None and _has_statement(one.down):
            is_transactional = one.is_transactional if one.down_is_transactional is None else one.down_is_transactional
            text = _prefixed(one.down, f"Undoes {id}", is_transactional=is_transactional)
            (part / f"{id}.rollback.sql").write_text(text, "utf-8")
    (folder / "lint.toml").write_text(_LINT, "utf-8")
    # All of them at once.
    part.replace(target)
    return _refused(target)


def refuse_files(folder: Path) -> None:
    """Raise UsageError if there are files in `folder`/migrations."""
    target = folder / "migrations"
    if target.is_dir() and any(target.iterdir()):
        raise UsageError(f"{target} is not empty", "name another folder: --sql-dir DIR", code="strangers.not-empty")


def _refuse_disorder(found: list[StrangerFile], ids: dict[str, str]) -> None:
    numbers = [ids[one.key][:14] for one in found]
    for one, (before, after) in zip(found[1:], itertools.pairwise(numbers), strict=True):
        if before >= after:
            text = f"{one.source.name} would get the number {after}, which is not after {before}"
            raise ChatschemaError(text, "two files have the same version; rename one of them first", code="strangers.version")


def _prefixed(text: str, title: str, *, is_transactional: bool) -> str:
    lines = [f"-- {title}.", *([] if is_transactional else ["-- transactional: false"])]
    return "\n".join(lines) + "\n" + _DIRECTIVE.sub(r"\1---", text).strip("\n") + "\n"


def _has_statement(text: str) -> bool:
    return statements.first(text.encode()) < len(text.encode())


def _refused(target: Path) -> list[str]:
    """Return what `migrate` would refuse to run in the converted files; one that was applied already does not matter."""
    notes = []
    for file in migration_files.discover(target):
        try:
            migration_files.check([file])
        except ChatschemaError as error:
            notes.append(f"{error}; it matters only if the file is not applied yet")
    return notes


def past(connection: Connection, project: Project) -> list[Past]:
    """Return what the other tool has applied, oldest first.

    Raises ChatschemaError if there is no such record, the database has a history of chatschema, a file is missing or was edited.
    """
    kind = project.kind
    if not postgres.has_table(connection, kind.table):
        hint = f"convert the files alone: leave out --history; or name the database on which {kind.name} ran: --url URL"
        raise ChatschemaError(f"the database has no table {kind.table}", hint, code="strangers.no-history")
    if ledger.entries(connection):
        raise ChatschemaError(
            "the database already has a history of chatschema", "chatschema status shows it", code="strangers.history"
        )
    found = kind.past(connection)
    if missing := [one.version for one in found if one.version not in project.ids]:
        text = f"{kind.name} has applied {', '.join(missing[:5])}, and the files are missing"
        raise ChatschemaError(text, "restore the files from git, then convert again", code="strangers.missing")
    sources = {one.key: one.source for one in project.migrations}
    for one in found:
        source = sources[one.version]
        if kind.checksum and one.checksum is not None and kind.checksum(source) != one.checksum:
            text = f"{source.name} was edited after {kind.name} had applied it: its checksum differs from the record"
            raise ChatschemaError(text, "restore the file from git, then convert again", code="strangers.edited")
    return found


def record(connection: Connection, project: Project, folder: Path, applied: list[Past]) -> None:
    """Record what the other tool has applied, with the checksums of the converted files. The caller holds the migration lock."""
    files = {file.id: file for file in migration_files.discover(folder / "migrations")}
    ledger.ensure(connection)
    with postgres.transaction(connection):
        for one in applied:
            id = project.ids[one.version]
            postgres.execute(connection, _MARK, (hashlib.sha256(id.encode()).hexdigest(), id, one.applied_at))
            postgres.execute(connection, _LOG, (f"taken over from {project.kind.name}", id))
            postgres.execute(connection, _RECORD, (id, files[id].apply.checksum, one.applied_at, __version__))


_MARK = """
    insert into chatschema._yoyo_migration (migration_hash, migration_id, applied_at_utc)
    values (%s, %s, coalesce(%s::timestamptz, now()) at time zone 'UTC')
"""
# As yoyo's own mark does, so that its history has the row.
_LOG = """
    insert into chatschema._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
    select gen_random_uuid()::text, migration_hash, migration_id, 'mark', session_user, '', %s, now() at time zone 'UTC'
    from chatschema._yoyo_migration where migration_id = %s
"""
_RECORD = """
    insert into chatschema.migrations (migration_id, checksum, state, applied_at, tool_version)
    values (%s, %s, 'applied', coalesce(%s::timestamptz, now()), %s)
"""
