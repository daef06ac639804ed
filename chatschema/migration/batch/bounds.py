"""The bounds of a batch as SQL: literals of the key, so that the server plans and locks the months of the batch only."""

from collections import Counter

from psycopg import sql

from chatschema import postgres
from chatschema.migration.batch.header import filled
from chatschema.migration.batch.record import Work
from chatschema.postgres import Connection, door


def between(work: Work, low: str | None, high: str) -> sql.Composed:
    """Return the condition of the rows after `low` and up to `high`; with a condition of undone rows, only of these."""
    key = _key(work)
    parts = [sql.SQL("{} <= {}").format(key, _literal(work, high))]
    if low is not None:
        parts.insert(0, sql.SQL("{} > {}").format(key, _literal(work, low)))
    return sql.SQL(" and ").join([*parts, *_left(work)])


def next_bound(connection: Connection, work: Work, size: int) -> str | None:
    """Return the key of the last of the next `size` rows, None if there are fewer up to the end.

    In a further round only rows that are left count: few of them are spread over all months.
    """
    low = work.cursor
    key = _key(work)
    where: list[sql.Composable] = [sql.SQL("{} <= {}").format(key, _literal(work, work.end))]
    if low is not None:
        where.append(sql.SQL("{} > {}").format(key, _literal(work, low)))
    if work.batch.round > 1:
        where += _left(work)
    # Without a name of its own the text would be the column `key`, and the order that of texts.
    query = sql.SQL("select {key}::text as as_text from {source} where {where} order by {key} limit 1 offset {offset}").format(
        key=key, source=_source(work), where=sql.SQL(" and ").join(where), offset=sql.Literal(size - 1)
    )
    rows = postgres.fetch_all(connection, query)
    return rows[0][0] if rows else None


def runs(connection: Connection, work: Work, low: str | None, high: str) -> list[tuple[str | None, str, bool]]:
    """Return the parts of a range whose rows are held by other sessions, or are free, in order; the last is whether it is held.

    Locks the free rows until the transaction ends; waits for none. In a distributed database the range is one part.
    """
    if door.is_distributed(connection):
        # Citus locks no rows of several conversations for a look.
        return [(low, high, True)]
    query = sql.SQL("select {key}::text as as_text from {source} where {where} order by {key}").format(
        key=_key(work), source=_source(work), where=between(work, low, high)
    )
    keys = Counter(row[0] for row in postgres.fetch_all(connection, query))
    free = Counter(row[0] for row in postgres.fetch_all(connection, sql.SQL("{} for update skip locked").format(query)))
    found: list[tuple[str | None, str, bool]] = []
    for key, count in keys.items():
        is_held = free[key] < count
        if found and found[-1][2] == is_held:
            found[-1] = (found[-1][0], key, is_held)
        else:
            found.append((found[-1][1] if found else low, key, is_held))
    return found


def last(connection: Connection, work: Work) -> str | None:
    """Return the last key of the table, None if it has no row."""
    query = sql.SQL("select {key}::text as as_text from {source} order by {key} desc limit 1")
    rows = postgres.fetch_all(connection, query.format(key=_key(work), source=_source(work)))
    return rows[0][0] if rows else None


def is_left(connection: Connection, work: Work, *, within: bool) -> bool:
    """Return whether rows of the whole table are left; `within` the end of the round only. False without such a condition."""
    if work.left is None:
        return False
    conditions = _left(work)
    if within:
        conditions.append(sql.SQL("{} <= {}").format(_key(work), _literal(work, work.end)))
    query = sql.SQL("select exists (select from {} where {})").format(_source(work), sql.SQL(" and ").join(conditions))
    return bool(postgres.fetch_one(connection, query)[0])


def run(connection: Connection, work: Work, low: str | None, high: str) -> int:
    """Run the statement for the rows after `low` and up to `high`; return how many it changed."""
    condition = sql.Composed([sql.SQL("("), between(work, low, high), sql.SQL(")")]).as_string(connection)
    # From the file; without parameters the driver takes it as it is.
    return max(postgres.execute(connection, sql.SQL(filled(work.statement, condition))).rowcount, 0)


def _source(work: Work) -> sql.Composable:
    table = sql.SQL(work.batch.table)  # quoted by the server
    return sql.SQL("{} as {}").format(table, sql.SQL(work.alias)) if work.alias else table


def _key(work: Work) -> sql.Composable:
    column = sql.Identifier(work.batch.key)
    return sql.SQL("{}.{}").format(sql.SQL(work.alias), column) if work.alias else column


def _literal(work: Work, key: str) -> sql.Composable:
    return sql.SQL("{}::{}").format(sql.Literal(key), sql.SQL(work.key_type))


def _left(work: Work) -> list[sql.Composable]:
    return [sql.SQL("({})").format(sql.SQL(work.left))] if work.left else []
