"""chatschema.repeatables: the repeatable files as they were last run, and which of them are due."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from chatschema import __version__, assets, postgres, sqlfile
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable import files as repeatable
from chatschema.migration.repeatable.files import Stored
from chatschema.migration.values import MigrationStatus
from chatschema.postgres import Connection

TABLE = "chatschema.repeatables"


@dataclass(frozen=True, slots=True)
class Run:
    """A file as it was last run; `checksum` is None if its objects may have been dropped since."""

    name: str
    checksum: str | None
    content: str
    applied_at: datetime

    @property
    def file(self) -> MigrationFile:
        """The file with this text."""
        return MigrationFile(self.name, Stored(self.name, self.content), None)


def ensure(connection: Connection) -> None:
    """Create the table if there is none. The caller holds the migration lock."""
    if not postgres.has_table(connection, TABLE):
        with postgres.transaction(connection):
            postgres.execute_text(connection, sqlfile.text_of(assets.sql_dir() / "repeatables" / "table.sql"))


def read(connection: Connection) -> dict[str, Run]:
    """Return the last run of each file; empty on a database that has none yet."""
    if not postgres.has_table(connection, TABLE):
        return {}
    rows = postgres.fetch_all(connection, f"select name, checksum, content, applied_at from {TABLE} order by name")
    return {row[0]: Run(*row) for row in rows}


def write(connection: Connection, file: MigrationFile, duration_ms: float, due: Collection[str]) -> None:
    """Record that the file was run, and that the files `due` have to be run again; in the transaction of its statements."""
    postgres.execute(
        connection,
        f"""
        insert into {TABLE} (name, checksum, content, duration_ms, tool_version) values (%s, %s, %s, %s, %s)
        on conflict (name) do update set
            checksum = excluded.checksum, content = excluded.content, duration_ms = excluded.duration_ms,
            tool_version = excluded.tool_version, applied_at = clock_timestamp()
        """,
        (file.id, file.apply.checksum, file.apply.source, duration_ms, __version__),
    )
    postgres.execute(connection, f"update {TABLE} set checksum = null where name = any (%s)", (list(due),))


def mark_due(connection: Connection) -> None:
    """Let the next migrate run all files again: their objects may have been dropped. In the caller's transaction."""
    if postgres.has_table(connection, TABLE):
        postgres.execute(connection, f"update {TABLE} set checksum = null where checksum is not null")


def forget(connection: Connection, names: Sequence[str]) -> None:
    """Remove the records of files that exist no more; their objects stay."""
    postgres.execute(connection, f"delete from {TABLE} where name = any (%s)", (list(names),))


def due(files: Sequence[MigrationFile], runs: dict[str, Run]) -> list[MigrationFile]:
    """Return the files to run, in their order: new and changed ones, and those whose objects these may drop."""
    wanted = {file.id for file in files if file.id not in runs or runs[file.id].checksum != file.apply.checksum}
    for file in files:
        if file.id in wanted and repeatable.drops(file.apply.text):
            wanted |= repeatable.dependents(files, file.id)
    return [file for file in files if file.id in wanted]


def statuses(files: Sequence[MigrationFile], runs: dict[str, Run]) -> list[MigrationStatus]:
    """Return the states of the files, by name."""
    wanted = {file.id for file in due(files, runs)}
    found = [_status(file, runs.get(file.id), is_due=file.id in wanted) for file in files]
    lost = [
        MigrationStatus(
            one.name, "", "missing", one.applied_at, False, "its file was removed: migrate forgets it, and its objects stay"
        )
        for one in runs.values()
        if one.name not in {file.id for file in files}
    ]
    return sorted(found + lost, key=lambda status: status.id)


def _status(file: MigrationFile, run: Run | None, *, is_due: bool) -> MigrationStatus:
    note = None
    if is_due and run is not None:
        is_changed = run.checksum is not None and run.checksum != file.apply.checksum
        note = "its text has changed since it was run" if is_changed else "what it creates may have been dropped since it was run"
    at = run.applied_at if run else None
    return MigrationStatus(file.id, file.title, "pending" if is_due else "applied", at, False, note)
