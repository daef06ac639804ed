"""Columns and tables that were renamed by hand: to drop one and add the other would lose their values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chatschema.structure.snapshot import Item, Snapshot


@dataclass(frozen=True, slots=True)
class Rename:
    """An object that has another name now: `was` and `now` are its full names."""

    kind: str
    was: str
    now: str
    sql: tuple[str, ...]
    note: str | None = None


def undone(expected: Snapshot, found: Snapshot) -> tuple[list[Rename], Snapshot]:
    """Return the renames, and what was found as it would be with the former names."""
    renames = []
    items = dict(found.items)
    for was, now in _tables(expected.items, items):
        schema, name = now.partition(".")[::2]
        renames.append(Rename("table", was, now, (f"alter table {now} rename to {was.partition('.')[2]};",)))
        items = _replaced(items, None, rf"(?<![\w.]){re.escape(schema)}\.{re.escape(name)}(?!\w)", was)
    for table, was, now in _columns(expected.items, items):
        renames.append(
            Rename("column", f"{table}.{was}", f"{table}.{now}", (f"alter table {table} rename column {now} to {was};",))
        )
        items = _replaced(items, table, rf'(?<![\w"]){re.escape(now)}(?![\w"])', was)
    return renames, replace(found, items=items)


def _tables(expected: Mapping[tuple[str, str], Item], found: Mapping[tuple[str, str], Item]) -> list[tuple[str, str]]:
    """Return the tables that are missing, each with the only new table that has the same columns."""
    missing = [object for kind, object in expected if kind == "table" and (kind, object) not in found]
    new = [object for kind, object in found if kind == "table" and (kind, object) not in expected]
    pairs = []
    for was in missing:
        same = [
            now for now in new if now.partition(".")[0] == was.partition(".")[0] and _shape(found, now) == _shape(expected, was)
        ]
        if len(same) == 1:
            pairs.append((was, same[0]))
    return pairs


def _shape(items: Mapping[tuple[str, str], Item], table: str) -> set[tuple[str, str]]:
    columns = [item for item in items.values() if item.kind == "column" and item.part_of == table]
    return {(item.names[-1], item.definition) for item in columns}


def _columns(expected: Mapping[tuple[str, str], Item], found: Mapping[tuple[str, str], Item]) -> list[tuple[str, str, str]]:
    """Return the columns that are missing, each with the new column that is in its place and has the same definition."""
    pairs = []
    new: dict[str | None, list[Item]] = {}
    for key, item in found.items():
        if item.kind == "column" and key not in expected:
            new.setdefault(item.part_of, []).append(item)
    for key, was in expected.items():
        table = was.part_of
        if was.kind != "column" or key in found or table not in new or table is None or ("table", table) not in expected:
            continue
        # A column that was dropped and another one that was added have different places.
        place = _place(expected, was)
        same = [now for now in new[table] if now.definition == was.definition and _place(found, now) == place]
        pairs += [(table, was.object.removeprefix(f"{table}."), now.object.removeprefix(f"{table}.")) for now in same]
    return pairs


def _place(items: Mapping[tuple[str, str], Item], column: Item) -> str:
    return items["storage", column.object].names[3]


def _replaced(items: Mapping[tuple[str, str], Item], table: str | None, pattern: str, name: str) -> dict[tuple[str, str], Item]:
    """Return the items with the name in their texts, those of the table only, if one is given."""
    swap = re.compile(pattern)
    result = {}
    for item in items.values():
        one = item
        if table is None:
            one = replace(one, part_of=item.part_of and swap.sub(lambda _: name, item.part_of))
        if table in (None, item.part_of):
            text = item.definition if item.kind == "comment" else swap.sub(lambda _: name, item.definition)
            one = replace(one, object=swap.sub(lambda _: name, item.object), definition=text)
        result[one.kind, one.object] = one
    return result
