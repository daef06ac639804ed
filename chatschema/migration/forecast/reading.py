"""The locks of a statement as its text says, where it is not run: on the real database, of tables that have rows."""

import re
from collections.abc import Callable

from chatschema import postgres
from chatschema.migration import heads, prelude
from chatschema.migration.files import COMMENTS
from chatschema.migration.forecast import alone
from chatschema.migration.forecast.observe import Watcher
from chatschema.migration.forecast.values import TableLock
from chatschema.migration.prelude import Lock
from chatschema.postgres import Connection

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_CODE = re.compile(r"(?i)(?:do|call|select|execute|with)\b")
_ROWS = re.compile(rf"(?i)(?:insert\s+into|update|delete\s+from|merge\s+into)\s+(?:only\s+)?(?P<name>{_NAME}(?:\s*\.\s*{_NAME})?)")
# Not pg_partition_tree(), which would wait for a partition that somebody is changing.
_TABLE = """
    select format('%%I.%%I', n.nspname, r.relname), r.oid = c.oid,
        (with recursive tree (oid) as (
            select c.oid
            union all
            select i.inhrelid from tree join pg_catalog.pg_inherits as i on i.inhparent = tree.oid
            join pg_catalog.pg_class as p on p.oid = i.inhparent and p.relkind in ('p', 'I') where not i.inhdetachpending
        ) select count(*) - 1 from tree)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_class as r on r.oid = coalesce(pg_partition_root(c.oid), c.oid)
    join pg_catalog.pg_namespace as n on n.oid = r.relnamespace
    where c.oid = to_regclass(%s)
"""


def reader(connection: Connection) -> Callable[[str], tuple[TableLock, ...] | None]:
    """Return a function from the text of a statement to its locks, on the database of this connection; None for unknown ones."""

    def read(text: str) -> tuple[TableLock, ...] | None:
        bare = COMMENTS.sub(" ", text).strip()
        if _CODE.match(bare):
            return None
        if kind := alone.of(connection, text):
            return Watcher(connection, connection).named(kind.locks)
        if match := _ROWS.match(bare):
            return _named(connection, match["name"], "RowExclusiveLock", is_only=True)
        found = prelude.locks(connection, list(heads.of_statement(text)))
        return tuple(sorted((one for lock in found for one in _of(connection, lock)), key=lambda one: (one.relation, one.mode)))

    return read


def _of(connection: Connection, lock: Lock) -> tuple[TableLock, ...]:
    mode = f"{lock.mode.words.title().replace(' ', '')}Lock"
    return _named(connection, lock.table, mode, is_only=lock.is_only)


def _named(connection: Connection, name: str, mode: str, *, is_only: bool) -> tuple[TableLock, ...]:
    rows = postgres.fetch_all(connection, _TABLE, (name,))
    return tuple(TableLock(root, mode, (0 if is_only else parts) + (0 if is_root else 1), is_root) for root, is_root, parts in rows)
