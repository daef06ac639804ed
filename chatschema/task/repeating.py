"""Repeatable files in a run: which are due after the pending migrations, and whether this run may run them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatschema import postgres
from chatschema.migration import files as migration_files
from chatschema.migration import variables
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable import files as repeatable
from chatschema.migration.repeatable import record
from chatschema.migration.values import MigrationStatus
from chatschema.postgres import Connection, Say
from chatschema.postgres.replicas import Replicas
from chatschema.structure import recording
from chatschema.task import deadline
from chatschema.values import Applied, Patience, Settings


@dataclass(frozen=True, slots=True)
class Repeats:
    """All repeatable files in their order, those that are due, and the recorded ones whose files were removed."""

    files: tuple[MigrationFile, ...] = ()
    due: tuple[MigrationFile, ...] = ()
    removed: tuple[str, ...] = ()


def beside(files: Sequence[MigrationFile]) -> list[MigrationFile]:
    """Return the repeatable files of the folder of these migrations. Raises ChatschemaError."""
    return repeatable.discover(files[0].apply.path.parent) if files else []


def look(
    settings: Settings,
    connection: Connection,
    files: Sequence[MigrationFile],
    statuses: Sequence[MigrationStatus],
    pending: Sequence[MigrationFile],
    later: Sequence[MigrationFile],
    *,
    say: Say,
) -> Repeats:
    """Return what is due after the `pending` migrations; nothing, and a note, where `later` ones would still be pending.

    Raises ChatschemaError for a file that could not be run.
    """
    own, runs = beside(files), record.read(connection)
    removed = tuple(runs.keys() - {file.id for file in own})
    may_drop = any(repeatable.drops(file.apply.ddl) for file in pending)
    due = own if may_drop else record.due(own, runs)
    if not due and not removed:
        return Repeats(tuple(own))
    if any(status.state == "newer" for status in statuses):
        say("repeatable files are left to the newer release, which may have run others")
        return Repeats(tuple(own))
    if later:
        if due:
            say(f"repeatable files run after the last migration: {', '.join(file.id for file in due)}")
        return Repeats(tuple(own))
    due = variables.filled(due, settings.variables)
    migration_files.check(due)
    return Repeats(tuple(own), tuple(due), removed)


def run(
    connection: Connection, repeats: Repeats, recorded: recording.Run, patience: Patience, replicas: Replicas | None, *, say: Say
) -> Iterator[Applied]:
    """Run the files that are due, yielding each once it is committed, and forget those that were removed."""
    if repeats.removed:
        with postgres.transaction(connection):
            record.forget(connection, repeats.removed)
        verb = (
            "has no file any more: its objects stay" if len(repeats.removed) == 1 else "have no files any more: their objects stay"
        )
        say(f"{', '.join(sorted(repeats.removed))} {verb} until a migration drops them")
    if not repeats.due:
        return
    # It takes a while to load.
    from chatschema.migration.repeatable import apply

    for number, file in enumerate(repeats.due):
        with deadline.kept(patience, [one.id for one in repeats.due[number:]], "repeatable file"):
            if replicas:
                replicas.wait(file.id, file.apply.ddl)
            yield from apply.run(connection, [file], repeats.files, recorded, default=patience, say=say)
