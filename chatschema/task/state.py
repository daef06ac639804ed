"""The state of a database: migrations, structure, tables, months and seeds, read in one connection."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chatschema import postgres, protection, tables
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration import history, ledger
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable import record as repeatables
from chatschema.migration.values import MigrationStatus
from chatschema.partition import grid, retired_months
from chatschema.partition.values import Runway
from chatschema.postgres import Connection, door
from chatschema.privacy import tags
from chatschema.privacy.erase import requests
from chatschema.protection import Protection
from chatschema.seed import runner
from chatschema.seed.runner import SeedStatus
from chatschema.structure import comparison, ignores, partitions, wording
from chatschema.structure.comparison import Comparison
from chatschema.structure.partitions import PartitionDifference
from chatschema.tables import TableRows
from chatschema.task import months, repeating
from chatschema.values import Server, Settings

if TYPE_CHECKING:
    from chatschema.cluster.nodes import Node


@dataclass(frozen=True, slots=True)
class State:
    """The server and the source of its address, the migrations, the structure compared with its record, tables, months and seeds.

    `partitions` are the differences of months from their parents. `findings` are in words: pending or edited migrations, structural
    differences, a short runway, a node that does not answer. No findings: up to date. `nodes`: those of a distributed database.
    """

    server: Server
    source: str
    protection: Protection | None
    migrations: tuple[MigrationStatus, ...]
    structure: Comparison
    partitions: tuple[PartitionDifference, ...]
    tables: tuple[TableRows, ...]
    runway: tuple[Runway, ...]
    seeds: tuple[SeedStatus, ...]
    nodes: "tuple[Node, ...]"
    findings: tuple[str, ...]


def read(settings: Settings, connection: Connection, files: list[MigrationFile], *, only_expand: bool = False) -> State:
    """Return the state of the database; reads only. With `only_expand` waiting contract files are no findings.

    Raises ChatschemaError, also if the role may not read the ledger.
    """
    try:
        there = months.survey(connection, measured=False)
        migrations = history.statuses(files, ledger.entries(connection))
        migrations += repeatables.statuses(repeating.beside(files), repeatables.read(connection))
        structure = _without_ignored(settings, comparison.seen(comparison.read(connection)))
        differences = _of_partitions(settings, connection, migrations)
        expected = {*(("waiting",) if only_expand else ()), *(("newer",) if settings.planning.allow_newer else ())}
        nodes, uncounted = _nodes(connection)
        return State(
            server=postgres.describe(connection),
            source=settings.source,
            protection=protection.read(connection, settings),
            migrations=tuple(migrations),
            structure=structure,
            partitions=differences,
            tables=tuple(tables.rows(connection, uncounted=uncounted)),
            runway=there.runway,
            seeds=tuple(runner.statuses(connection, settings.seeds_dir)),
            nodes=nodes,
            findings=(
                *_unapplied(migrations, expected),
                *wording.findings(structure),
                *partitions.findings(differences),
                *there.findings,
                *_detached(settings, connection, there),
                *tags.findings(connection),
                *requests.findings(connection),
                *(f"node {one.host}:{one.port} does not answer: {one.problem}" for one in nodes if not one.is_reachable),
            ),
        )
    except ServerError as error:
        if error.sqlstate == "42501":
            hint = f"grant it to this role: grant usage on schema chatschema to {connection.info.user}"
            message = f"this role may not read the ledger: {error.message}"
            raise ChatschemaError(message, hint, code="ledger.permission") from None
        raise


def _nodes(connection: Connection) -> "tuple[tuple[Node, ...], tuple[str, ...]]":
    """Return the servers of a distributed database, and the tables whose rows are not counted because one does not answer."""
    if not door.is_distributed(connection):
        return (), ()
    from chatschema.cluster import nodes
    from chatschema.cluster.tables import DISTRIBUTED

    found = tuple(nodes.read(connection))
    return found, () if all(one.is_reachable for one in found) else tuple(DISTRIBUTED)


def _without_ignored(settings: Settings, structure: Comparison) -> Comparison:
    """Return the comparison without the differences that chatschema.toml accepts, as verify does."""
    kept = [one for one in structure.differences if ignores.entry(one.kind, one.object, settings.ignored) is None]
    return replace(structure, differences=tuple(kept))


def _of_partitions(
    settings: Settings, connection: Connection, migrations: list[MigrationStatus]
) -> tuple[PartitionDifference, ...]:
    """Return the differences of partitions, but not the indexes that an unfinished migration builds on one after the other."""
    # A partition that is created meanwhile may lack a part for a moment, but not twice.
    found = partitions.read(connection) and partitions.read(connection)
    is_building = any(one.state == "interrupted" for one in migrations)
    return tuple(
        one
        for one in found
        if not (is_building and one.kind == "index") and ignores.entry(one.kind, one.object, settings.ignored) is None
    )


def _detached(settings: Settings, connection: Connection, there: months.Months) -> list[str]:
    """Return findings about months whose tables are all detached, and not by chatschema; of half a month there is one already."""
    if not any(one.state == "detached" for one in there.partitions):
        return []
    attached = {one.lower for one in there.partitions if one.state == "attached"}
    found: dict[datetime, list[str]] = {}
    for one in months.detached_by_hand(there, retired_months.read(connection)):
        name = f"{grid.SCHEMA}.{one.name}"
        if one.lower not in attached and ignores.entry("partition", name, settings.ignored) is None:
            found.setdefault(one.lower, []).append(name)
    return [
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} detached, and not by chatschema;"
        f" attach {'it' if len(names) == 1 else 'them'}: chatschema partition restore {lower:%Y-%m}"
        for lower, names in found.items()
    ]


def _unapplied(migrations: list[MigrationStatus], expected: set[str]) -> list[str]:
    unapplied = [one for one in migrations if one.state not in {"applied", *expected}]
    return [f"{one.id} is {one.state}" + (f": {one.note}" if one.note else "") for one in unapplied]
