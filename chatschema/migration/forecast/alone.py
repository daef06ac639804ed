"""Statements that cannot run in a transaction: their locks are known by their kind, as nobody can look at them in time."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from chatschema import postgres
from chatschema.migration.files import COMMENTS
from chatschema.migration.forecast.values import Work
from chatschema.postgres import Connection

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_QUALIFIED = rf"{_NAME}(?:\s*\.\s*{_NAME})?"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_CREATE_INDEX = _pattern(
    rf"create (?:unique )?index concurrently (?:if not exists )?(?:{_NAME} )?on (?:only )?(?P<name>{_QUALIFIED})"
)
_DROP_INDEX = _pattern(rf"drop index concurrently (?:if exists )?(?P<name>{_QUALIFIED})")
_REINDEX = _pattern(rf"reindex\s*(?:\([^)]*\)\s*)?(?P<kind>index|table) concurrently (?P<name>{_QUALIFIED})")
_DETACH = _pattern(
    rf"alter table (?:if exists )?(?:only )?(?P<name>{_QUALIFIED})\s*\*? detach partition (?P<part>{_QUALIFIED}) concurrently"
)
_VACUUM = _pattern(rf"vacuum(?P<options>(?:\s*\([^)]*\)| (?:full|freeze|verbose|analyze)\b)*)\s*(?P<name>{_QUALIFIED})?")
_WEAK, _STRONG = "ShareUpdateExclusiveLock", "AccessExclusiveLock"

# The leaves of a table or of the table of an index, the table itself included, with the number of their valid indexes.
_TREE = """
    with named as (
        select coalesce(i.indrelid, c.oid) as oid, c.relkind in ('i', 'I') as is_index
        from pg_catalog.pg_class as c left join pg_catalog.pg_index as i on i.indexrelid = c.oid
        where c.oid = to_regclass(%s)
    )
    select t.oid, format('%%I.%%I', n.nspname, r.relname), r.relkind::text, is_index,
        (select count(*) from pg_catalog.pg_index as x where x.indrelid = t.oid)
    from (
        select oid, is_index from named
        union select p.relid::oid, is_index from named, pg_partition_tree(named.oid) as p
    ) as t
    join pg_catalog.pg_class as r on r.oid = t.oid
    join pg_catalog.pg_namespace as n on n.oid = r.relnamespace
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """The locks (relation, mode) and the work of a statement that runs outside of a transaction."""

    locks: tuple[tuple[int, str], ...]
    work: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    oid: int
    name: str
    kind: str
    is_index: bool
    indexes: int


def of(connection: Connection, text: str) -> Kind | None:
    """Return the locks and the work of the statement; None for one of another kind, which is not tried."""
    bare = COMMENTS.sub(" ", text).strip()
    for pattern, read in _KINDS:
        if match := pattern.match(bare):
            return read(connection, match)
    return None


def _tree(connection: Connection, name: str) -> list[_Table]:
    return [_Table(*row) for row in postgres.fetch_all(connection, _TREE, (name,))]


def _leaves(connection: Connection, name: str) -> list[_Table]:
    return [one for one in _tree(connection, name) if one.kind in "rm"]


def _create_index(connection: Connection, match: re.Match[str]) -> Kind:
    found = _leaves(connection, match["name"])
    return Kind(tuple((one.oid, _WEAK) for one in found), tuple(Work(one.name, is_scan=True, builds=1) for one in found))


def _drop_index(connection: Connection, match: re.Match[str]) -> Kind:
    return Kind(tuple((one.oid, _WEAK) for one in _leaves(connection, match["name"])), ())


def _reindex(connection: Connection, match: re.Match[str]) -> Kind:
    found = _leaves(connection, match["name"])
    count = [1 if one.is_index else one.indexes for one in found]
    return Kind(
        tuple((one.oid, _WEAK) for one in found),
        tuple(Work(one.name, is_scan=True, builds=number) for one, number in zip(found, count, strict=True)),
    )


def _detach(connection: Connection, match: re.Match[str]) -> Kind:
    parent = next((one.oid for one in _tree(connection, match["name"]) if one.kind == "p"), None)
    part = [one.oid for one in _tree(connection, match["part"])]
    locks = [(parent, _WEAK)] if parent is not None else []
    return Kind((*locks, *((oid, _STRONG) for oid in part)), ())


def _vacuum(connection: Connection, match: re.Match[str]) -> Kind | None:
    if match["name"] is None:
        return None
    found = _leaves(connection, match["name"])
    is_full = "full" in match["options"].lower()
    mode = _STRONG if is_full else _WEAK
    return Kind(
        tuple((one.oid, mode) for one in found),
        tuple(Work(one.name, is_rewrite=is_full, is_scan=not is_full) for one in found),
    )


_KINDS: tuple[tuple[re.Pattern[str], Callable[[Connection, re.Match[str]], Kind | None]], ...] = (
    (_CREATE_INDEX, _create_index),
    (_DROP_INDEX, _drop_index),
    (_REINDEX, _reindex),
    (_DETACH, _detach),
    (_VACUUM, _vacuum),
)
