"""Removing a bulk seed: whole months where all rows are seeded, elsewhere its own rows; then its users and conversations."""

from collections.abc import Iterator, Sequence

from psycopg import sql

from chatschema import audit, postgres
from chatschema.partition import build, catalog, create, grid
from chatschema.partition.grid import SCHEMA
from chatschema.postgres import Connection, Say, locks
from chatschema.seed.bulk import ledger, plan, undo
from chatschema.seed.bulk.ledger import StoredMonth
from chatschema.values import Month

LAST = "people"


def remove(connection: Connection, *, wait_s: float, say: Say) -> Iterator[tuple[str, int]]:
    """Remove the bulk seed, a month in a transaction; yield what was removed, and the number of its rows.

    An interrupted removal is continued by the next. Waits `wait_s` seconds for a run that seals the audit trail.
    Raises ChatschemaError, before anything is removed, when a row that was not seeded refers to a seeded one.
    """
    recorded = ledger.read(connection)
    if not recorded:
        return
    # First what an interrupted run has left: those tables refer to users and conversations as well.
    for part in plan.parts(recorded.size):
        build.drop_staged(connection, build.pair(part.lower))
    undo.refuse_references(connection)
    # Oldest first: at the beginning of the list of months, a month is dropped without leaving a gap.
    for month in ledger.months(connection):
        with locks.seal_lock(connection, wait_s=wait_s, say=say):
            yield f"{month.lower:%Y-%m}", _remove_month(connection, month, say)
    with locks.seal_lock(connection, wait_s=wait_s, say=say):

        def work() -> int:
            audit.as_batch(connection)
            return undo.remove_audit(connection, None, say) + undo.remove_people(connection)

        yield LAST, locks.in_transaction(connection, work, locks.DDL, say=say)


def _remove_month(connection: Connection, month: StoredMonth, say: Say) -> int:
    group = build.pair(month.lower)
    upper = group[0].upper

    def work() -> int:
        audit.as_batch(connection)
        removed = undo.remove_files(connection, month.lower, upper)
        removed += undo.remove_audit(connection, month.lower, say)
        dropped = _drop(connection, month, group) if month.path != "inserted" else None
        if dropped is None:
            (_, own), (_, statuses) = (_count(connection, one) for one in group)
            undo.refuse_more(f"{month.lower:%Y-%m}", own, month.messages)
            undo.remove_messages(connection, grid.uuid7_floor(month.lower), grid.uuid7_floor(upper))
            dropped = own + statuses
        postgres.execute(connection, "delete from chatschema.bulk_months where month = %s", (month.lower,))
        return removed + dropped

    return locks.in_transaction(connection, work, locks.DDL, say=say)


def _count(connection: Connection, month: Month) -> tuple[int, int]:
    key = next(parent.key for parent in grid.GROUP if parent.table == month.parent)
    return undo.count(connection, month, key, grid.uuid7_floor(month.lower), grid.uuid7_floor(month.upper))


def _drop(connection: Connection, month: StoredMonth, group: Sequence[Month]) -> int | None:
    """Drop the month if the seed created all of its rows, and return their number; otherwise None, with nothing done."""
    attached = catalog.months(connection)
    if not all(one in attached for one in group):
        return None
    rows = 0
    for one in reversed(group):
        table = sql.Identifier(SCHEMA, one.name)
        postgres.execute(connection, sql.SQL("lock table {} in access exclusive mode").format(table))
        total, own = _count(connection, one)
        if one.parent == grid.GROUP[0].table:
            undo.refuse_more(f"{month.lower:%Y-%m}", own, month.messages)
        if total != own:
            return None
        rows += total
    for one in reversed(group):
        postgres.execute(connection, sql.SQL("drop table {}").format(sql.Identifier(SCHEMA, one.name)))
    if month.path == "replaced" or any(there.lower < month.lower for there in attached):
        for one in group:
            for ddl in create.statements(one):
                postgres.execute(connection, ddl)
    return rows
