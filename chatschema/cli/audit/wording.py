"""The texts of the report of the trail, as every form has them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chatschema.cli import console
from chatschema.cli.audit import printing

if TYPE_CHECKING:
    from chatschema.audit.report import Report, Table


def facts(made: Report) -> str:
    """Return the head of the report: the database, the period, and how many rows there are."""
    ids = f", ids {made.first_id} to {made.last_id}" if made.rows else ""
    return (
        f"Audit trail of {made.database}, PostgreSQL {made.server}, read by {made.role} at {printing.second(made.taken_at)} UTC. "
        f"Period: {printing.second(made.since)} to {printing.second(made.until)} UTC. "
        f"{console.count(made.rows, 'row')} by {console.count(made.users, 'user')}{ids}."
    )


def left_out(table: Table) -> str:
    """Return how many of all rows are shown, where some are not."""
    return f" (the first {len(table.rows)} of {table.total})" if table.total > len(table.rows) else ""


def cells(table: Table) -> list[tuple[str, ...]]:
    """Return the rows as texts: times to the second, numbers and ids without separators."""
    return [tuple(_text(value) for value in row) for row in table.rows]


def numbers(table: Table) -> list[int]:
    """Return the places of the columns of numbers."""
    return [at for at in range(len(table.columns)) if all(isinstance(row[at], int) for row in table.rows)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return printing.second(value) if isinstance(value, datetime) else str(value)
