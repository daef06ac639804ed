"""The catalog compared with the record: missing, changed and added objects."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import LiteralString

from psycopg import sql

from chatschema import assets, postgres, sqlfile
from chatschema.errors import LOCK_SQLSTATES, ServerError
from chatschema.postgres import Connection

TABLE = "chatschema.schema_records"
# Settings that determine how the server prints a definition, and a short lock timeout; for one transaction.
_SETTINGS: LiteralString = """
    select set_config(name, value, true)
    from (values ('search_path', ''), ('timezone', 'UTC'), ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'),
        ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('quote_all_identifiers', 'off'), ('lock_timeout', {timeout})
    ) as s (name, value)
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that is not as recorded: `recorded` is None when it was added, `found` when it is missing.

    `names` are the words by which a migration names it; `migration_id` is the migration that recorded it.
    """

    kind: str
    object: str
    part_of: str | None
    recorded: str | None
    found: str | None
    names: list[str]
    recorded_at: datetime | None
    migration_id: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison. Without `is_compared`, nothing was compared; `note` has the reason.

    `is_busy`: a lock prevented it, so the result is unknown. `found_at`: when the structure was last recorded in its current
    state, and not by a migration; earlier changes cannot be seen. `owner` is that of the ledger.
    """

    is_compared: bool
    is_recorded: bool
    is_busy: bool = False
    note: str | None = None
    recorded_at: datetime | None = None
    found_at: datetime | None = None
    differences: tuple[Difference, ...] = ()
    owner: str | None = None


def settings(timeout: str) -> sql.Composed:
    """Return the statement that pins the printing of definitions, for the current transaction."""
    return sql.SQL(_SETTINGS).format(timeout=sql.Literal(timeout))


def file(name: str) -> Path:
    """Return a SQL file about the record: always the package's, also with --sql-dir."""
    return assets.sql_dir() / "structure" / f"{name}.sql"


def form(connection: Connection) -> str:
    """Return the key that two definitions must share to be compared: the server's major version and the query."""
    query = hashlib.sha256(sqlfile.text_of(file("normal_form")).encode()).hexdigest()[:12]
    return f"{connection.info.server_version // 10000} {query}"


def read(connection: Connection) -> Comparison:
    """Return the comparison for people; an obstacle becomes a note, never an error."""
    try:
        compared = compare(connection)
        # A migration that is committed while the catalog is read looks like a difference, but only once.
        return compare(connection) if compared.differences else compared
    except ServerError as error:
        if error.sqlstate == "42P01":
            return Comparison(is_compared=False, is_recorded=False, note="not recorded yet; the next chatschema migrate records it")
        if error.sqlstate == "42501":
            hint = f"grant usage on schema chatschema and select on {TABLE} to this role"
            return Comparison(is_compared=False, is_recorded=True, note=f"not compared: this role may not read the record; {hint}")
        if error.sqlstate not in LOCK_SQLSTATES:
            raise
        note = "not compared: a table that a view reads is locked against readers; retry"
        return Comparison(is_compared=False, is_recorded=True, note=note, is_busy=True)


def compare(connection: Connection, timeout: str = "1s") -> Comparison:
    """Compare in one round trip; raises ServerError, 42P01 without the table of records, 55P03 behind a lock."""
    own = sql.Literal(form(connection))
    which = sql.SQL("object in (select object from chatschema.schema_records where part_of is null)")
    live = sqlfile.fill(file("normal_form"), which=which)
    query = sql.SQL(";\n").join(
        [settings(timeout), sqlfile.fill(file("state"), form=own), sqlfile.fill(file("differences"), form=own, normal_form=live)]
    )
    _, state, rows = postgres.fetch_sets(connection, query)
    count, recorded_at, found_at, other, owner = state[0]
    if not count:
        return Comparison(is_compared=False, is_recorded=False, note="not recorded yet; the next chatschema migrate records it")
    if other is not None:
        major = other.split()[0]
        is_older = int(major) != connection.info.server_version // 10000
        by = f"on PostgreSQL {major}" if is_older else "by another version of chatschema"
        note = f"not compared, because it was recorded {by}; the next chatschema migrate records it again"
        return Comparison(is_compared=False, is_recorded=False, note=note, recorded_at=recorded_at)
    found = [Difference(*row) for row in rows]
    locked = ", ".join(d.object for d in found if d.kind == "locked")
    busy = f"not compared where it is locked against readers: {locked}; retry" if locked else None
    differences = tuple(d for d in found if d.kind != "locked")
    return Comparison(not locked, True, bool(locked), busy, recorded_at, found_at, differences, owner)


def seen(comparison: Comparison) -> Comparison:
    """Return the comparison as people see it: without objects of a missing table, and without grants to a role.

    Privileges of application roles are not chatschema's to check; privileges of PUBLIC are.
    """
    missing = {d.object for d in comparison.differences if d.found is None and d.part_of is None}
    told = [d for d in comparison.differences if d.part_of not in missing and not _is_granted_to_a_role(d)]
    return replace(comparison, differences=tuple(told))


def _is_granted_to_a_role(difference: Difference) -> bool:
    return difference.kind == "privilege" and difference.recorded is None and difference.names[-1] != "public"
