"""The partitions compared with their parents, in the catalog alone: the quick form of what verify compares by a replay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.errors import LOCK_SQLSTATES, ServerError
from chatschema.postgres import Connection
from chatschema.structure import comparison

# One line for each would hide all other findings when somebody has changed every partition.
_MOST = 20


@dataclass(frozen=True, slots=True)
class PartitionDifference:
    """A part of a partition that is not as its parent has it, or as most partitions have it.

    `kind` and `object` are those of verify, `name` is that of the part alone, empty for the table itself. `expected` is None for a
    part that was added, `found` for one that is missing.
    """

    kind: str
    object: str
    name: str
    partition: str
    expected: str | None
    found: str | None


def read(connection: Connection) -> tuple[PartitionDifference, ...]:
    """Return the differences of all partitions; none where a lock prevents it, as the comparison of the record says that."""
    query = sql.SQL(";\n").join([comparison.settings("1s"), sql.SQL(sqlfile.text_of(comparison.file("partition_differences")))])
    try:
        return tuple(PartitionDifference(*row) for row in postgres.fetch_sets(connection, query)[-1])
    except ServerError as error:
        if error.sqlstate not in LOCK_SQLSTATES:
            raise
        return ()


def findings(differences: Sequence[PartitionDifference]) -> list[str]:
    """Return one line for equal differences of several partitions."""
    lines = [_line(group) for group in _groups(differences)]
    rest = len(lines) - _MOST
    return [*lines[:_MOST], *([f"{rest} more differences of partitions; list them: chatschema verify"] if rest > 0 else [])]


def _groups(differences: Sequence[PartitionDifference]) -> Iterator[list[PartitionDifference]]:
    groups: dict[tuple[str, str, str | None, str | None], list[PartitionDifference]] = {}
    for one in differences:
        groups.setdefault((one.kind, one.name, one.expected, one.found), []).append(one)
    yield from groups.values()


def _line(group: Sequence[PartitionDifference]) -> str:
    one, more = group[0], len(group) - 1
    others = f" and {more} other partition{'s' if more > 1 else ''}" if more else ""
    what = one.kind if one.kind in ("table", "owner") else f"{one.kind} {one.name}"
    of = "on" if one.kind == "privilege" else "of"
    return f"{what} {of} {one.partition}{others} {_change(one)}; the SQL to revert it: chatschema verify --sql"


def _change(one: PartitionDifference) -> str:
    if one.found is None:
        return "is missing"
    if one.expected is None:
        return f"was set to {one.found}" if one.kind == "option" else f"was {one.found}"
    if one.kind == "owner":
        return f"is {one.found}, and not {one.expected}"
    if one.kind in ("column", "table"):
        return f"is {one.found}, and that of its parent {one.expected}"
    return f"is {one.found}"
