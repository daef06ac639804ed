"""The statistics of one moment: read from the server or from a file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from chatschema import sqlfile
from chatschema.errors import ServerError
from chatschema.postgres import Connection
from chatschema.report import coverage as coverages
from chatschema.report import run
from chatschema.report.compare.counters import Counters, squares
from chatschema.report.definition import Definition
from chatschema.report.literals import without
from chatschema.report.result import Gap

_NEEDS = Definition("snapshot", Path(), "", needs=("pg_stat_statements",), fully=("pg_read_all_stats",))
_TIMED_OUT = "57014"


@dataclass(frozen=True, slots=True)
class Statement:
    """The cost of one role's calls of a query. `queryid` is text: a JSON number does not hold it everywhere."""

    userid: int
    queryid: str
    is_toplevel: bool
    query: str | None
    calls: int
    rows: int
    total_ms: float
    stddev_ms: float
    hit: int
    read: int
    temp: int
    io_ms: float | None
    wal_bytes: int | None
    wal_records: int | None
    stats_since: datetime | None

    @property
    def counters(self) -> Counters:
        """Return the counters, which add and subtract."""
        return Counters(
            self.calls, self.total_ms, squares(self.calls, self.total_ms, self.stddev_ms),
            self.rows, self.hit, self.read, self.temp, self.io_ms, self.wal_bytes, self.wal_records,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Index:
    """An index, its parts summed; `definition` is None if its table was locked.

    `last_scan_at` exists in version 16 and later; `is_referenced`: foreign keys of other tables use it.
    """

    oid: int
    name: str
    table: str
    scans: int
    bytes: int
    definition: str | None
    last_scan_at: datetime | None = None
    is_referenced: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its partitions summed."""

    oid: int
    name: str
    seq_scans: int
    seq_rows: int
    index_scans: int
    writes: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The server and database of the statistics, their moment, and since when they count.

    `system_identifier` is None if the role may not read it. A `..._reset` is None if it never happened, or is unknown. `hidden`
    counts the entries of other roles that were left out. `transactions` were committed or rolled back, without those of
    chatschema; earlier versions did not store them.
    """

    at: datetime
    system_identifier: str | None
    database: str
    database_oid: int
    version: str
    role: str
    is_standby: bool
    block_size: int
    since: datetime
    database_reset: datetime | None
    cluster_reset: datetime | None
    statements_reset: datetime | None
    evictions: int | None
    hidden: int
    is_io_timed: bool
    roles: list[str]
    transactions: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The statistics of one moment; `statements` is None if pg_stat_statements could not be read, `gaps` explain why."""

    origin: Origin
    statements: list[Statement] | None
    indexes: list[Index]
    tables: list[Table]
    gaps: list[Gap]


def take(connection: Connection) -> Snapshot:
    """Return the current statistics; changes and resets nothing. Raises ServerError, a busy one for a table that stays locked."""
    coverage = coverages.read(connection)
    gaps = coverages.blocking(_NEEDS, coverage)
    _rows(connection, _filled("snapshot_flush"))
    (server,) = _rows(connection, _filled("snapshot_server"))
    is_system_shown, is_eviction_counted = server.pop("is_system_shown"), server.pop("is_eviction_counted")
    system = _rows(connection, _filled("snapshot_system"))[0]["system_identifier"] if is_system_shown else None
    statements, evicted = None, dict[str, Any](evictions=None, statements_reset=None)
    if not gaps:
        gaps = coverages.hiding(_NEEDS, coverage)
        schema = sql.Identifier(coverage.extensions["pg_stat_statements"])
        try:
            (own,) = _rows(connection, _filled("snapshot_own", pg_stat_statements=schema))
            server["transactions"] -= own["transactions"]
            statements = _rows(connection, _filled("snapshot_statements", pg_stat_statements=schema))
            if is_eviction_counted:
                (evicted,) = _rows(connection, _filled("snapshot_evictions", pg_stat_statements=schema))
        except ServerError as error:
            if error.sqlstate != "42501":
                raise
            grant = sql.SQL("grant usage on schema {} to {}").format(schema, sql.Identifier(coverage.role))
            gaps.append(Gap(f"pg_stat_statements: {error.message}", grant.as_string(None)))
    origin = Origin(
        at=coverage.now, system_identifier=system, database=coverage.database, version=coverage.version, role=coverage.role,
        is_standby=coverage.is_standby, since=coverage.since, is_io_timed=coverage.is_io_timed, roles=sorted(coverage.roles),
        hidden=sum(row["queryid"] is None for row in statements or ()), **server, **evicted,
    )  # fmt: skip
    return Snapshot(
        origin=origin,
        statements=None if statements is None else [_statement(row) for row in statements if row["queryid"] is not None],
        indexes=[Index(**row) for row in _rows(connection, _filled("snapshot_indexes"))],
        tables=[Table(**row) for row in _rows(connection, _filled("snapshot_tables"))],
        gaps=gaps,
    )


def _statement(row: dict[str, Any]) -> Statement:
    return Statement(**{**row, "query": None if row["query"] is None else without(row["query"])})


def _filled(name: str, **given: sql.Composable) -> sql.Composed:
    """Return the part of this name, with the parts that it uses."""
    inner = ("locked", "table_tree", "index_tree", "sized_indexes", "size_unless_locked")
    values = {one: sqlfile.fill(f"reports/parts/{one}.sql") for one in inner} | given
    if "pg_stat_statements" in given:
        values["statements"] = sqlfile.fill("reports/parts/statements.sql", **given)
    return sqlfile.fill(f"reports/parts/{name}.sql", **values)


def _rows(connection: Connection, query: sql.Composed) -> list[dict[str, Any]]:
    try:
        return run.fetch(connection, query)[1]
    except ServerError as error:
        if error.sqlstate == _TIMED_OUT:
            raise ServerError(error.message, "allow more time: --timeout 30", _TIMED_OUT, code="snapshot.timeout") from None
        raise
