"""The planner of the real database: which tables it would read whole for a query. Runs nothing that changes a row."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.migration.forecast.values import Check
from chatschema.postgres import Connection

_NAMES = "select format('%%I.%%I', s, t) from unnest(%s::text[], %s::text[]) as n (s, t)"
# The first 8 MB of a table tell whether a column has values.
_SAMPLE_PAGES = 1000
_MEMORY = """
    select set_config('work_mem', current_setting('maintenance_work_mem'), true), set_config('hash_mem_multiplier', '1', true)
"""


@dataclass(frozen=True, slots=True)
class Reads:
    """The tables that are read whole, and the number of rows that are changed, as the planner expects it."""

    tables: tuple[str, ...]
    rows: float


@dataclass(frozen=True, slots=True)
class Planner:
    """The planner behind a connection."""

    connection: Connection

    def reads(self, text: str, *, is_check: bool = False) -> Reads | None:
        """Return what a statement reads; None if it cannot be planned, as without a table that does not exist yet.

        `is_check`: it is the query of a foreign key, for which the server takes the memory of maintenance.
        """
        try:
            with postgres.transaction(self.connection):
                postgres.execute(self.connection, "set transaction read only; set local lock_timeout = '500ms'")
                if is_check:
                    postgres.execute(self.connection, _MEMORY)
                with postgres.translated():
                    row = self.connection.execute(b"explain (verbose, format json) " + text.encode()).fetchone()
        except ServerError:
            return None
        plans = row[0] if row else []
        top = (json.loads(plans) if isinstance(plans, str) else plans)[0]["Plan"]
        found: list[tuple[str, str]] = []
        _walk(top, found)
        is_change = top["Node Type"] == "ModifyTable"
        rows = sum(one["Plan Rows"] for one in top.get("Plans", ())) if is_change else 0
        named = postgres.fetch_all(self.connection, _NAMES, ([one for one, _ in found], [one for _, one in found]))
        return Reads(tuple(sorted({name for (name,) in named})), float(rows))

    def reads_both(self, check: Check) -> Reads | None:
        """Return how both tables are read when a new foreign key is checked; None if it cannot be planned."""
        return self.reads(check.query, is_check=True)

    def reads_for(self, check: Check, table: str) -> bool:
        """Return whether `table` is read whole when a new foreign key is checked: not if there seem to be no values to check."""
        query = sql.SQL("select exists (select from only {} as f where ctid < '({},0)' and {})").format(
            sql.SQL(check.table),
            sql.SQL(str(_SAMPLE_PAGES)),
            sql.SQL(check.known),  # quoted by the server
        )
        try:
            with postgres.transaction(self.connection):
                postgres.execute(self.connection, "set transaction read only; set local lock_timeout = '500ms'")
                has_values = postgres.fetch_one(self.connection, query)[0]
        except ServerError:
            # The column does not exist yet, so it has no values; or this role may not read it.
            return False
        reads = self.reads_both(check) if has_values else None
        return reads is not None and table in reads.tables


def _walk(plan: dict[str, object], found: list[tuple[str, str]]) -> None:
    if plan["Node Type"] == "Seq Scan":
        found.append((str(plan["Schema"]), str(plan["Relation Name"])))
    children = plan.get("Plans", ())
    if isinstance(children, Sequence):
        for child in children:
            _walk(child, found)
