"""Attaching a detached month: its tables get their parent's structure, later erasures are applied, then it is attached at once."""

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from chatschema import audit, events, hold, postgres, sqlfile
from chatschema.errors import ChatschemaError
from chatschema.partition import carve, catalog, catch_up, erased, erasures, foreign_keys, grid, mapping, retired_months
from chatschema.partition.archive import content
from chatschema.partition.create import statement
from chatschema.partition.fitting import Lost
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.mapping import Rule
from chatschema.postgres import Connection, Say, door, locks
from chatschema.values import Month

# A minute, as the row may have been written long before the erasure's transaction committed.
_ERASED_BEFORE = """
    select coalesce(max(e.id), 0) from chatschema.erasures as e
    where e.recorded_at < (select r.changed_at from chatschema.retired_months as r where r.month = %s) - interval '1 minute'
"""


def bring_in(
    connection: Connection,
    months: Sequence[Month],
    since: datetime | None,
    keep_until: datetime,
    rules: Sequence[Rule],
    lost: Lost,
    say: Say,
    *,
    trusted: bool,
) -> int:
    """Attach the detached tables of one month together; return how many rows were erased again.

    `since`: when the rows were detached, or their archive was written; None if nobody knows. Unless `trusted`, every
    sender and reader has to have taken part in the conversation.

    Every erasure that is recorded before the attach commits is applied. Rows that were kept under a hold are added, with their
    columns mapped by `rules`; `lost` counts the values that these leave out. Raises ChatschemaError where a row refers to a
    deleted one, or the tables do not fit their parents, Held where a rule drops a column of held rows; then they stay detached.
    """
    changed = 0
    for month in months:
        catch_up.structure_and_rows(connection, month, since, say)
    while True:
        seen = _last_erasure(connection)
        changed += _erase(connection, months)
        for month in months:
            foreign_keys.add(connection, month, SCHEMA, say)
        _unlink_replies(connection, months[0].lower)
        if not trusted:
            _refuse_strangers(connection, months[0].lower)
        if _attach(connection, months, seen, keep_until, rules, lost, say):
            # Once more, for messages that were deleted after the first look and before the attach.
            _unlink_replies(connection, months[0].lower)
            return changed


def put_back(connection: Connection, months: Sequence[Month], say: Say) -> None:
    """Attach tables again whose detach was started and could not be finished for the other table of their month.

    Reads no row before that, unless an erasure was recorded since the detach began. Raises what bring_in() raises.
    """
    lower = months[0].lower
    for month in months:
        catch_up.structure(connection, month)
        foreign_keys.add(connection, month, SCHEMA, say)
    seen = postgres.fetch_one(connection, _ERASED_BEFORE, (lower,))[0]
    while not _attach(connection, months, seen, None, (), Lost(), say):
        seen = _last_erasure(connection)
        _erase(connection, months)
    for month in months:
        if month.parent != GROUP[0].table:
            # Statuses of messages that were deleted while the statuses were detached.
            _erase_gone(connection, month)


def _last_erasure(connection: Connection) -> int:
    last: int = postgres.fetch_one(connection, "select coalesce(max(id), 0) from chatschema.erasures")[0]
    return last


def _erase(connection: Connection, months: Sequence[Month]) -> int:
    """Apply every erasure to tables that nobody sees yet; return how many rows were changed or deleted."""
    messages = sql.Identifier(SCHEMA, grid.month(GROUP[0].table, months[0].lower).name)
    if door.is_distributed(connection):
        return erased.apply(connection, months, messages)
    changed = 0
    with postgres.transaction(connection):
        hold.freeze(connection)
        erasures.defer(connection, months, messages)
        for month in months:
            kind = "messages" if month.parent == GROUP[0].table else "statuses"
            values = {"partition": sql.Identifier(SCHEMA, month.name), "is_held": hold.is_held(connection), "messages": messages}
            for file in (f"erase_gone_{kind}.sql", f"erase_{kind}.sql"):
                changed += postgres.execute(connection, sqlfile.fill(f"partitions/{file}", **values)).rowcount
    return changed


def _erase_gone(connection: Connection, month: Month) -> None:
    """Delete the statuses of an attached month whose message was deleted."""
    messages = sql.Identifier(SCHEMA, grid.month(GROUP[0].table, month.lower).name)
    values = {"partition": sql.Identifier(SCHEMA, month.name), "is_held": hold.is_held(connection), "messages": messages}
    query = sqlfile.fill(f"{_folder(connection)}/erase_gone_statuses.sql", **values)
    locks.in_transaction(connection, lambda: postgres.execute(connection, query), locks.DDL)


def _folder(connection: Connection) -> str:
    """Return the folder of the statements that compare conversations too where the database is distributed."""
    return "partitions/distributed" if door.is_distributed(connection) else "partitions"


def _unlink_replies(connection: Connection, lower: datetime) -> None:
    """Set reply_to_id to null where the answered message was deleted; one in a month that is not attached may be restored."""
    attached = [month for month in catalog.months(connection) if month.parent == GROUP[0].table]
    bounds = [
        sql.SQL("r.reply_to_id >= {} and r.reply_to_id < {}").format(
            sql.Literal(str(grid.uuid7_floor(month.lower))), sql.Literal(str(grid.uuid7_floor(month.upper)))
        )
        for month in attached
        if month.lower != lower
    ]
    if bounds:
        partition = sql.Identifier(SCHEMA, grid.month(GROUP[0].table, lower).name)
        values = {"partition": partition, "in_attached_months": sql.SQL(" or ").join(bounds)}
        query = sqlfile.fill(f"{_folder(connection)}/unlink_replies.sql", **values)
        locks.in_transaction(connection, lambda: postgres.execute(connection, query), locks.DDL)


def _refuse_strangers(connection: Connection, lower: datetime) -> None:
    """Raise ChatschemaError if somebody who never took part in a conversation sent or read in it."""
    messages, statuses = (sql.Identifier(SCHEMA, grid.month(parent.table, lower).name) for parent in GROUP)
    query = sqlfile.fill("partitions/strangers.sql", messages=messages, statuses=statuses)
    sent, read = postgres.fetch_one(connection, query)
    if sent or read:
        raise ChatschemaError(
            f"{lower:%Y-%m} has {sent} messages and {read} statuses of users who never took part in their conversation",
            "the month stays detached; to attach it with these rows: the same command with --force",
            code="restore.strangers",
        )


def _attach(
    connection: Connection,
    months: Sequence[Month],
    seen: int,
    keep_until: datetime | None,
    rules: Sequence[Rule],
    lost: Lost,
    say: Say,
) -> bool:
    """Attach the tables in one transaction; return False, with nothing done, when an erasure was recorded after `seen`.

    Without `keep_until` this ends a detach that was given up, and is not a restore.
    """
    lower = months[0].lower

    def work() -> bool:
        postgres.execute(connection, "lock table chatschema.erasures in share mode")
        if _last_erasure(connection) != seen:
            return False
        carve.refuse_lossy(connection, lower, rules)
        for month in months:
            _take_in_held(connection, month, rules, lost)
        for month in months:
            postgres.execute(connection, statement("attach.sql", month))
            postgres.execute(connection, statement("guard.sql", month))
        if keep_until is None:
            retired_months.end_detaching(connection, lower)
            audit.record(connection, "partition.detach_undone", "partition", f"{lower:%Y-%m}", tables=[m.name for m in months])
            return True
        retired_months.write(
            connection,
            lower,
            state="attached",
            restored_at=retired_months.NOW,
            keep_until=keep_until,
            held_messages=None,
            dropped_at=None,
        )
        details = {"lost": lost.values} if lost.values else {}
        audit.record(connection, "partition.restore", "partition", f"{lower:%Y-%m}", keep_until=keep_until, **details)
        events.record_month(connection, "month.restored", grid.ids(lower))
        return True

    return locks.in_transaction(connection, work, locks.MONTHS, say=say)


def _take_in_held(connection: Connection, month: Month, rules: Sequence[Rule], lost: Lost) -> None:
    """Insert the rows that were kept under a hold into their month, unless it has them, and drop their table."""
    kept = grid.kept(month)
    if not postgres.has_table(connection, f"{SCHEMA}.{kept.name}"):
        return
    held = sql.Identifier(SCHEMA, kept.name)
    plan = mapping.fit(connection, month.parent, kept.name, content.columns(connection, kept.name), rules)
    for name in plan.dropped:
        query = sql.SQL("select count({}) from {}").format(sql.Identifier(name), held)
        lost.values[f"{month.parent}.{name} of rows under a hold"] = postgres.fetch_one(connection, query)[0]
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in plan.values)
    values = sql.SQL(", ").join(plan.values.values())
    insert = sql.SQL("insert into {} ({}) select {} from {} on conflict do nothing")
    postgres.execute(connection, insert.format(sql.Identifier(SCHEMA, month.name), columns, values, held))
    postgres.execute(connection, sql.SQL("drop table {}").format(held))
