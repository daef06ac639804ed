"""The losses of a rollback: found by running it and comparing the tables before and after, not by reading its text.

A statement may hide its effect (`do $$ ... execute ... $$`, a function, a cascade); the catalog and the counters do not.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.postgres import Connection, door, relation

Kind = Literal["table", "column", "type", "file", "rows", "unseen"]
_VERBS: dict[Kind, str] = {
    "table": "drop table", "column": "drop column", "type": "change the type of column", "file": "empty or rewrite table",
    "rows": "change or delete rows of", "unseen": "lose an unknown number of rows, because it commits by itself, in the",
}  # fmt: skip
# Statements that cannot run in a transaction, and lose no row.
LOSES_NOTHING = re.compile(r"(?is)\s*(?:(?:create|drop)\s+(?:unique\s+)?index|reindex|vacuum|refresh)\b")
# Has one row from the beginning, which is no user data.
_NO_LOSS = {"chatschema.last_hold"}
# What undo itself writes into the trail: whoever tries migrations in an empty database loses nothing with it.
ACTION = "migration.undo"
_TRAIL = "public.audit_logs"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A change of a table: its kind, the table as SQL writes its name, and the column for the kinds that concern one."""

    table: str
    kind: Kind
    column: str = ""

    def __str__(self) -> str:
        """Return the change in words, to follow "undo would"."""
        shown = self.table.removeprefix("public.")
        return f"{_VERBS[self.kind]} {shown}.{self.column}" if self.column else f"{_VERBS[self.kind]} {shown}"


@dataclass(frozen=True, slots=True)
class Loss:
    """A change of a table with rows; `rows` as relation.count() returns them."""

    change: Change
    rows: int | None

    def __str__(self) -> str:
        """Return the change and its rows in words."""
        if self.change.kind == "unseen":
            return str(self.change)
        return f"{self.change} ({relation.in_words(self.rows)})"


class WouldLose(ChatschemaError):
    """A rollback would lose data, and nobody has accepted the loss; it was rolled back."""

    def __init__(self, changes: Sequence[Change]) -> None:
        super().__init__(f"undo would {listed(changes)}", code="undo.loss")
        self.changes = tuple(changes)


def listed(losses: Sequence[object]) -> str:
    """Return the first five in words, and how many more there are."""
    more = f" and {len(losses) - 5} more" if len(losses) > 5 else ""
    return ", ".join(str(loss) for loss in losses[:5]) + more


# Partitions are shown as their table, of which they are a part. The months of a table have its columns.
_TABLES = """
    select c.oid, format('%I.%I', n.nspname, c.relname), c.relfilenode,
        case when root.oid <> c.oid then format('%I.%I', root.nspname, root.relname) end,
        array(
            select array[attnum::text, quote_ident(attname), atttypid::text, atttypmod::text]
            from pg_catalog.pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum
        ),
        coalesce(pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid), 0),
        -- Read once, not once a table: with a thousand months there are thousands of locks.
        c.oid in (
            select l.relation from pg_catalog.pg_locks as l
            where l.pid = pg_backend_pid() and l.mode = 'RowExclusiveLock' and l.granted and l.relation is not null
                and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        )
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join lateral (
        select r.oid, r.relname, rn.nspname from pg_catalog.pg_class as r
        join pg_catalog.pg_namespace as rn on rn.oid = r.relnamespace
        where r.oid = pg_partition_root(c.oid)
    ) as root on c.relispartition
    where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table at one moment of a transaction: its columns by number, and the changes of its rows so far."""

    name: str
    file: int
    root: str
    columns: dict[str, tuple[str, str, str]]
    written: int
    is_locked: bool


def state(connection: Connection) -> dict[int, Table]:
    """Return the tables as they are now, by oid; takes no lock on any of them."""
    return {
        oid: Table(name, file, root or name, {key: tuple(rest) for key, *rest in columns}, written, is_locked)
        for oid, name, file, root, columns, written, is_locked in postgres.fetch_all(connection, _TABLES)
    }


def changes(before: dict[int, Table], after: dict[int, Table], *, by_lock: bool = False) -> list[Change]:
    """Return the changes of the tables between two states of one transaction; pure.

    `by_lock`: if an UPDATE or DELETE finds no row, or the server does not count rows, its lock shows that it ran. INSERT
    takes the same lock.
    """
    found: set[Change] = set()
    remaining = {table.name for table in before.values() if table.root == table.name} & {t.root for t in after.values()}
    for oid, table in before.items():
        now = after.get(oid)
        if now is None:
            is_month_of_kept = table.root != table.name and table.root in remaining
            found.add(Change(table.name if is_month_of_kept else table.root, "table"))
            continue
        for number, (column, *kind) in table.columns.items():
            if number not in now.columns:
                found.add(Change(table.root, "column", column))
            elif list(now.columns[number][1:]) != kind:
                found.add(Change(table.root, "type", column))
        if now.file != table.file:
            found.add(Change(table.root, "file"))
        if now.written != table.written or (by_lock and now.is_locked and not table.is_locked):
            found.add(Change(table.root, "rows"))
    return sorted(change for change in found if change.table not in _NO_LOSS)


def counts_rows(connection: Connection) -> bool:
    """Return whether this server counts the rows that a statement updates and deletes: not those of shards."""
    return not door.is_distributed(connection) and bool(
        postgres.fetch_one(connection, "select current_setting('track_counts')::boolean")[0]
    )


def of_rows(connection: Connection, found: Collection[Change]) -> list[Change]:
    """Return the changes that lose rows, by reading the tables, which stay locked until the transaction ends.

    The caller has rolled the changes back. No row can be added between this check and the end of the transaction.
    """
    tables = sorted({change.table for change in found if change.kind != "rows"})
    full: set[str] = set()
    if tables:
        names = sql.SQL(", ").join(sql.SQL(table) for table in tables)  # quoted by the server
        postgres.execute(connection, sql.SQL("lock table {} in access exclusive mode").format(names))
        full = {table for table in tables if _has_rows(connection, table)}
    # An UPDATE or DELETE was counted by its rows.
    return [change for change in found if change.kind == "rows" or change.table in full]


def _has_rows(connection: Connection, table: str) -> bool:
    """Return whether the table has a row, or may have one that a policy hides from this role."""
    # The server quoted the name.
    query = sql.SQL("select exists (select 1 from {} as t where {})").format(sql.SQL(table), _counted(table))
    postgres.execute(connection, "savepoint chatschema_look")
    try:
        postgres.execute(connection, "set local row_security = off")
        return bool(postgres.fetch_one(connection, query)[0])
    except ServerError as error:
        if error.sqlstate != "42501":
            raise
        return True
    finally:
        postgres.execute(connection, "rollback to savepoint chatschema_look")


def counted(connection: Connection, found: Collection[Change]) -> list[Loss]:
    """Return the changes of tables that have rows, and how many; waits a second at most for each table."""
    rows: dict[str, int | None] = {change.table: None for change in found if change.kind == "unseen"}
    rows |= {
        table: relation.count(connection, table, _counted(table)) for table in {change.table for change in found} - rows.keys()
    }
    return [Loss(change, rows[change.table]) for change in found if rows[change.table] != 0]


def _counted(table: str) -> sql.Composable:
    """Return the condition for rows `t` that are a loss."""
    return sql.SQL("t.action <> {}").format(sql.Literal(ACTION)) if table == _TRAIL else relation.ALL
