"""Runs report queries so that they do not harm a sick server: they only read, give up soon, and leave out locked relations."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import Any

from psycopg import sql

from chatschema import assets, postgres, sqlfile
from chatschema.errors import LOCK_SQLSTATES, ExitCode, ServerError
from chatschema.postgres import Connection
from chatschema.report import coverage as coverages
from chatschema.report import definition as definitions
from chatschema.report import literals
from chatschema.report.definition import Definition
from chatschema.report.result import CAUSE, FINDING_COLUMNS, STATUSES, Coverage, Finding, Gap, Result, status_of

LOCK_WAIT_MS = 500
TIMEOUT_S = 4.0
# A relation was dropped or locked after the catalog named it: the next attempt does not see it, or does not measure it.
_PASSING = LOCK_SQLSTATES | {"XX000", "42P01"}
_TRIES = 3

# Fixes that a standby refuses; it can end its own sessions, continue its replay, and change its own settings.
_WRITES = re.compile(r"(--.*\n|set .*\n)*(create|drop|alter(?! system)|reindex|vacuum|analyze|grant|revoke)\b", re.IGNORECASE)

Thresholds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The scans of indexes on other nodes of the cluster, by the index's qualified name, since the last of their resets."""

    nodes: int
    since: datetime
    scans: dict[str, int]


@contextmanager
def safe(connection: Connection, timeout_s: float = TIMEOUT_S) -> Iterator[None]:
    """Let the session read only, wait half a second for a lock and `timeout_s` for an answer, and use one core."""
    settings = {
        "default_transaction_read_only": "on", "statement_timeout": f"{timeout_s:g}s", "lock_timeout": f"{LOCK_WAIT_MS}ms",
        "max_parallel_workers_per_gather": "0", "jit": "off", "search_path": "pg_catalog", "application_name": "chatschema report",
    }  # fmt: skip
    for name, value in settings.items():
        postgres.execute(connection, "select set_config(%s, %s, false) /* chatschema report */", (name, value))
    yield
    postgres.reset_session(connection)


def run(
    connection: Connection,
    definition: Definition,
    coverage: Coverage,
    thresholds: Thresholds | None = None,
    elsewhere: Elsewhere | None = None,
) -> Result:
    """Return the result of the report; an error of the server is a gap in it, never raised.

    `thresholds` override those of the file, by report and name; `elsewhere` are the scans on other nodes.
    Raises UsageError for a threshold the report does not have, ChatschemaError for columns or severities that are wrong.
    """
    values = definitions.values(definition, (thresholds or {}).get(definition.name, {}))
    gaps = coverages.blocking(definition, coverage)
    if gaps:
        return Result(definition.name, definition.title, "not evaluated", (), [], [], gaps, 0, is_evaluated=False)
    started = time.monotonic()
    query = compose(definition, coverage, values, elsewhere)
    answer = ask(connection, query)
    duration_ms = round((time.monotonic() - started) * 1000, 1)
    if isinstance(answer, Gap):
        return Result(definition.name, definition.title, "not evaluated", (), [], [], [answer], duration_ms, is_evaluated=False)
    columns, rows = answer
    if missing := set(FINDING_COLUMNS) - set(columns):
        raise definitions.wrong(definition.path, f"its query has no column {', '.join(sorted(missing))}")
    shown = tuple(column for column in columns if column not in (*FINDING_COLUMNS, CAUSE) or column == "object")
    found = (_finding(definition, row, is_standby=coverage.is_standby) for row in rows if row["severity"])
    findings = sorted(found, key=_worst_first)
    gaps = coverages.hiding(definition, coverage)
    status = status_of(findings, gaps, ran=True)
    table = [
        {name: _plain(row[name]) for name in shown}
        for row in rows
        if any(row[name] is not None for name in shown if name != "object")
    ]
    return Result(
        definition.name, definition.title, status, shown, [_shown(row) for row in table], findings, gaps, duration_ms,
        is_acute=definition.is_acute, counters=definition.counters,
    )  # fmt: skip


def compose(
    definition: Definition, coverage: Coverage, values: Mapping[str, float], elsewhere: Elsewhere | None = None
) -> sql.Composed:
    """Return the report's query with its thresholds, its parts and the schemas of its extensions filled in."""
    given: dict[str, sql.Composable] = {name: sql.Literal(value) for name, value in values.items()}
    given |= {name: sql.Identifier(schema) for name, schema in coverage.extensions.items()}
    since = max(coverage.since, elsewhere.since) if elsewhere else coverage.since
    given["stats_days"] = sql.Literal(round((coverage.now - since).total_seconds() / 86400, 3))
    given["stats_since"] = sql.Literal(since.isoformat())
    given["standbys"] = sql.Literal(coverage.standbys)
    # The scans of one of three standbys are not those of all.
    given["is_asked_elsewhere"] = sql.Literal(elsewhere is not None and elsewhere.nodes >= coverage.standbys)
    given["scans_elsewhere"] = sql.Literal(json.dumps(elsewhere.scans if elsewhere else {}))
    text = sqlfile.text_of(definition.path)
    _fill_parts(text, coverage, given)
    # The report on queries leaves out statements with this mark; pg_stat_statements does not keep a comment in front.
    return sql.SQL(text).format(**given) + sql.SQL("\n/* chatschema report */")


def _fill_parts(text: str, coverage: Coverage, given: dict[str, sql.Composable]) -> None:
    """Add to `given` the parts that the text names, and the parts that those use."""
    for name in _placeholders(text) - given.keys():
        part = _part(name, coverage)
        inner = sqlfile.text_of(part)
        _fill_parts(inner, coverage, given)
        given[name] = sqlfile.fill(part, **{one: given[one] for one in _placeholders(inner)})


def _part(name: str, coverage: Coverage) -> Path:
    """Return the part's file: the one for a role that may not see everything, or the newest for the server's version.

    A query does not parse on a server that lacks one of its views, and fails with a function that the role may not call.
    """
    parts = assets.sql_dir() / "reports" / "parts"
    if name in coverage.refused:
        return parts / f"{name}_refused.sql"
    hidden = parts / f"{name}_hidden.sql"
    if "pg_monitor" not in coverage.roles and hidden.exists():
        return hidden
    versions = (parts / f"{name}_{major}.sql" for major in range(coverage.version_num // 10000, 15, -1))
    return next((path for path in versions if path.exists()), parts / f"{name}.sql")


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def ask(connection: Connection, query: sql.Composed) -> tuple[list[str], list[dict[str, Any]]] | Gap:
    """Return columns and rows, or why there are none: a lock, a timeout, a missing privilege, a wrong query.

    Raises ServerError when the connection is lost.
    """
    try:
        return fetch(connection, query)
    except ServerError as error:
        if error.exit_code == ExitCode.UNREACHABLE:
            raise
        return _refused(connection, error)


def fetch(connection: Connection, query: sql.Composed) -> tuple[list[str], list[dict[str, Any]]]:
    """Return columns and rows; retries when a relation was dropped or locked meanwhile. Raises ServerError."""
    for left in reversed(range(_TRIES)):
        try:
            return postgres.fetch_named(connection, query)
        except ServerError as error:
            if not left or error.sqlstate not in _PASSING:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its query redacted: some queries contain passwords."""
    return {**row, "query": literals.redacted(row["query"])} if row.get("query") else row


def _plain(value: Any) -> Any:
    """Return a numeric as the number that JSON has."""
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def _refused(connection: Connection, error: ServerError) -> Gap:
    """Return the error of the server as a gap: the other reports continue."""
    if error.sqlstate in LOCK_SQLSTATES:
        return Gap(f"a table is locked: {error.message}", "chatschema report locks")
    if error.sqlstate == "57014":
        return Gap(f"the query did not finish in time: {error.message}", "allow more time: --timeout 30")
    if error.sqlstate == "42501":
        role = sql.Identifier(connection.info.user).as_string(None)
        schema = re.search(r"schema (\S+)", error.message)
        return Gap(error.message, f"grant usage on schema {schema[1]} to {role};" if schema else f"grant pg_monitor to {role};")
    if error.sqlstate == "55000":
        return Gap(f"{error.message}", "-- an extension is created but not loaded; see shared_preload_libraries")
    return Gap(f"its query failed: {error.message}", error.hint)


def _finding(definition: Definition, row: Mapping[str, Any], *, is_standby: bool) -> Finding:
    check, fix = row["check_name"], row["fix"]
    object_ = literals.redacted(row["object"]) if row["object"] else None
    if row["severity"] not in STATUSES:
        raise definitions.wrong(definition.path, f"{row['severity']!r} is not a severity ({', '.join(STATUSES[:-1])})")
    if is_standby and fix and _WRITES.match(fix):
        fix = f"-- on the primary:\n{fix}"
    return Finding(
        id=f"{definition.name}.{check}" + (f":{object_}" if object_ else ""),
        report=definition.name,
        check=check,
        object=object_,
        severity=row["severity"],
        message=literals.redacted(row["message"]),
        value=None if row["value"] is None else float(row["value"]),
        threshold=None if row["threshold"] is None else float(row["threshold"]),
        fix=fix,
        undo=row["undo"],
        cause=row.get(CAUSE),
    )


def _worst_first(finding: Finding) -> tuple[int, str, float]:
    return STATUSES.index(finding.severity), finding.check, -(finding.value or 0)


def scans(connection: Connection) -> dict[str, int]:
    """Return the scans of every index on this node, by qualified name."""
    _, rows = postgres.fetch_named(connection, sqlfile.text_of("reports/parts/scans.sql"))
    return {row["index"]: row["scans"] for row in rows}


def together(nodes: Sequence[tuple[Coverage, Mapping[str, int]]]) -> Elsewhere | None:
    """Return the sum of the scans on the nodes; None for no node."""
    if not nodes:
        return None
    total: Counter[str] = Counter()
    for _, counts in nodes:
        total.update(counts)
    return Elsewhere(len(nodes), max(coverage.since for coverage, _ in nodes), dict(total))
