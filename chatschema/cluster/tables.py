"""The tables of the application that move to a cluster, and the names of the objects that chatschema itself brings."""

import functools
import re

from chatschema import assets
from chatschema.cluster import places

_PUBLIC = {one.table.removeprefix("public."): one.column for one in places.places({}) if one.table.startswith("public.")}
# The tables of a conversation, and the column that says on which shard a row is.
DISTRIBUTED = {table: column for table, column in _PUBLIC.items() if column}
# Copied to every node.
REFERENCE = tuple(table for table, column in _PUBLIC.items() if not column)
MOVING = (*DISTRIBUTED, *REFERENCE)
# Other tables of a conversation are placed beside it.
FIRST = "public.conversations"

_NAMED = re.compile(
    r"^\s*(?:add\s+)?constraint\s+(?P<constraint>\w+)|create\s+(?:unique\s+)?index\s+(?P<index>\w+)"
    r"|create\s+trigger\s+(?P<trigger>\w+)|create\s+policy\s+(?P<policy>\w+)",
    re.IGNORECASE | re.MULTILINE,
)


@functools.cache
def own_names() -> frozenset[tuple[str, str]]:
    """Return kind and name of each key, trigger and policy that chatschema brings; distribute changes these itself."""
    folder = assets.sql_dir()
    files = [folder / "schema.sql", *sorted((folder / "roles").glob("*.sql"))]
    found = set()
    for file in files:
        for match in _NAMED.finditer(file.read_text("utf-8")):
            kind = match.lastgroup or ""
            found.add(("key" if kind in ("constraint", "index") else kind, match[kind]))
    return frozenset(found)
