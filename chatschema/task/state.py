"""The state of a database: migrations, structure, tables, months and seeds, read in one connection."""

from dataclasses import dataclass

from chatschema import postgres, protection, tables
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration import history, ledger
from chatschema.migration.files import MigrationFile
from chatschema.migration.values import MigrationStatus
from chatschema.partition.values import Runway
from chatschema.postgres import Connection
from chatschema.protection import Protection
from chatschema.seed import runner
from chatschema.seed.runner import SeedStatus
from chatschema.structure import comparison, wording
from chatschema.structure.comparison import Comparison
from chatschema.tables import TableRows
from chatschema.task import months
from chatschema.values import Server, Settings


@dataclass(frozen=True, slots=True)
class State:
    """The server and the source of its address, the migrations, the structure compared with its record, tables, months and seeds.

    `findings` are in words: pending or edited migrations, structural differences, a short runway. No findings: up to date.
    """

    server: Server
    source: str
    protection: Protection | None
    migrations: tuple[MigrationStatus, ...]
    structure: Comparison
    tables: tuple[TableRows, ...]
    runway: tuple[Runway, ...]
    seeds: tuple[SeedStatus, ...]
    findings: tuple[str, ...]


def read(settings: Settings, connection: Connection, files: list[MigrationFile], *, only_expand: bool = False) -> State:
    """Return the state of the database; reads only. With `only_expand` waiting contract files are no findings.

    Raises ChatschemaError, also if the role may not read the ledger.
    """
    try:
        there = months.survey(connection, measured=False)
        migrations = history.statuses(files, ledger.entries(connection))
        structure = comparison.seen(comparison.read(connection))
        expected = {*(("waiting",) if only_expand else ()), *(("newer",) if settings.planning.allow_newer else ())}
        return State(
            server=postgres.describe(connection),
            source=settings.source,
            protection=protection.read(connection, settings),
            migrations=tuple(migrations),
            structure=structure,
            tables=tuple(tables.rows(connection)),
            runway=there.runway,
            seeds=tuple(runner.statuses(connection, settings.seeds_dir)),
            findings=(*_unapplied(migrations, expected), *wording.findings(structure), *there.findings),
        )
    except ServerError as error:
        if error.sqlstate == "42501":
            hint = f"grant it to this role: grant usage on schema chatschema to {connection.info.user}"
            message = f"this role may not read the ledger: {error.message}"
            raise ChatschemaError(message, hint, code="ledger.permission") from None
        raise


def _unapplied(migrations: list[MigrationStatus], expected: set[str]) -> list[str]:
    unapplied = [one for one in migrations if one.state not in {"applied", *expected}]
    return [f"{one.id} is {one.state}" + (f": {one.note}" if one.note else "") for one in unapplied]
