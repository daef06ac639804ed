"""Rows as values of a statement: Citus cannot pass on an unnest() of several arrays to a shard."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql


def rows(found: Sequence[Sequence[Any]], types: Sequence[str]) -> sql.Composed:
    """Return a subquery in parentheses with these rows, whose columns are of these types; it may be empty."""
    if not found:
        nothing = sql.SQL(", ").join(sql.SQL("null::{}").format(sql.SQL(kind)) for kind in types)
        return sql.SQL("(select {} where false)").format(nothing)
    lines = [
        sql.SQL("({})").format(
            sql.SQL(", ").join(sql.SQL("{}::{}").format(sql.Literal(v), sql.SQL(kind)) for v, kind in zip(row, types, strict=True))
        )
        for row in found
    ]
    return sql.SQL("(values {})").format(sql.SQL(", ").join(lines))
