"""Migrations and rollbacks on a distributed database: tried on a copy that is distributed too, and refused beforehand."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chatschema.cluster.distribute import checks
from chatschema.cluster.migrate import guarded, placed, wording
from chatschema.cluster.obstacles import Obstacle
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Connection, Say
from chatschema.sqlfile import SqlFile
from chatschema.task import planning
from chatschema.task.planning import Foresight
from chatschema.values import Settings


def with_places(files: Sequence[MigrationFile]) -> list[MigrationFile]:
    """Return the migrations, each with the statement that moves its new table to the place in its header. Raises UsageError."""
    return [replace(file, apply=placed.of(file.apply)) for file in files]


def refuse_migrations(
    settings: Settings, connection: Connection, files: Sequence[MigrationFile], *, where: str | None, say: Say
) -> None:
    """Raise ChatschemaError where a migration would be refused by Citus, or change what the distributed database rests on."""
    checks.refuse(_mentioned(connection, [file.apply for file in files]))
    foresight = planning.migrations(settings, connection, files, where=where, is_first=False, say=say)
    _refuse(foresight, files, say)


def refuse_rollbacks(
    settings: Settings, connection: Connection, files: Sequence[MigrationFile], *, where: str | None, say: Say
) -> None:
    """Raise ChatschemaError where a rollback would be refused by Citus, or change what the distributed database rests on."""
    checks.refuse(_mentioned(connection, [file.rollback for file in files if file.rollback]))
    _refuse(planning.rollbacks(settings, connection, files, where=where, say=say), files, say)


def refuse_planned(connection: Connection, foresight: Foresight, files: Sequence[MigrationFile], *, is_undo: bool = False) -> None:
    """Raise ChatschemaError where the plan, which is printed, would be refused."""
    texts = [file.rollback if is_undo else file.apply for file in files]
    checks.refuse([*_mentioned(connection, [text for text in texts if text]), *obstacles(foresight, files)])


def refuse_before(connection: Connection, files: Sequence[MigrationFile]) -> None:
    """Raise ChatschemaError for a migration that was applied before the database was distributed."""
    known = set(guarded.before(connection))
    checks.refuse(
        [
            Obstacle(
                "cluster.rests-on", file.id, "it was applied before the database was distributed, which rests on it", guarded.BACK
            )
            for file in files
            if file.id in known
        ]
    )


def obstacles(foresight: Foresight, files: Sequence[MigrationFile]) -> list[Obstacle]:
    """Return what Citus refused on the copy, in its own words, and what the files change that the database rests on."""
    names = {file.id: file.apply.path.name for file in files}
    refused = [
        Obstacle("cluster.refused", f"{names[one.id]} line {statement.line}", statement.why, wording.instead(statement.why))
        for one in foresight.forecasts
        for statement in one.statements
        if statement.is_refused
    ]
    return [*refused, *foresight.obstacles]


def guard(connection: Connection) -> Callable[[str], None]:
    """Return a function that raises ChatschemaError if the open transaction has changed what the database rests on."""
    last = guarded.read(connection)

    def check(id: str) -> None:
        found = guarded.changes(last, guarded.read(connection))
        checks.refuse([replace(one, object=f"{id} was rolled back: {one.object}") for one in found])

    return check


def _mentioned(connection: Connection, texts: Sequence[SqlFile]) -> list[Obstacle]:
    known, still = guarded.absent(connection), guarded.read(connection)
    return [one for text in texts for one in guarded.mentions(text.path.name, text.ddl, known, still)]


def _refuse(foresight: Foresight, files: Sequence[MigrationFile], say: Say) -> None:
    checks.refuse(obstacles(foresight, files))
    if foresight.copy is None and files:
        say(f"warning: not tried beforehand, because there is no copy: {foresight.why}; what Citus refuses is rolled back")
