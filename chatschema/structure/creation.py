"""Creating an object that is missing: with its parts, and with the properties that the statement itself does not give it."""

import re
from collections.abc import Collection

from chatschema.structure import reconcile
from chatschema.structure.comparison import Difference
from chatschema.structure.place import Place
from chatschema.structure.snapshot import Item, Snapshot

# Kinds that are no objects of their own: they come and go with the object that they describe.
PROPERTIES = frozenset({"owner", "comment", "option", "storage", "statistics", "privilege", "not null"})
_WHAT = re.compile(r"(materialized view|foreign table|\w+) ")
_ON = re.compile(r"(?s)(?:constraint|trigger|policy|rule) (.+) on (\S+)")
_PARTS = ("constraint", "index", "trigger", "rule", "policy")


def subjects(one: Item | Difference) -> set[str]:
    """Return the objects that a property describes: an index of a key is also the key."""
    if one.kind in ("storage", "statistics", "not null"):
        return {one.object, one.part_of or ""}
    if one.kind == "privilege":
        column = re.match(r"[a-z ]+ \((.*)\) on ", one.object)
        return {one.part_of or "", f"{one.part_of}.{column[1]}" if column else ""}
    name = one.object.partition(" of ")[2] if one.kind == "option" else one.object
    if one.kind == "comment" and (match := _ON.fullmatch(name)):
        return {f"{match[2]}.{match[1]}", match[2]}
    name = _WHAT.sub("", name, count=1)
    return {name, f"{one.part_of}.{name.rpartition('.')[2]}", one.part_of or ""}


def properties(difference: Difference, place: Place, expected: Snapshot, kinds: Collection[str] = PROPERTIES) -> list[str]:
    """Return the statements that give a created object the properties of these kinds that it should have."""
    found = [item for item in expected.items.values() if item.kind in kinds and difference.object in subjects(item)]
    return [statement for item in found for statement in reconcile.statements(_missing(item), place) if not _is_default(item)]


def table(difference: Difference, place: Place, expected: Snapshot) -> list[str]:
    """Return the statements that create a table with its parts: keys before foreign keys."""
    own = [item for item in expected.items.values() if item.part_of == difference.object]
    order = {item.object: int(item.names[3]) for item in own if item.kind == "storage"}
    columns = sorted((item for item in own if item.kind == "column"), key=lambda item: order.get(item.object, 0))
    lines = ",\n".join(f"    {item.object.removeprefix(f'{difference.object}.')} {item.definition}" for item in columns)
    settings = (difference.recorded or "").split(", ")
    partition = next((text for text in settings if text.startswith("partitioned by ")), "")
    unlogged = "unlogged " if "unlogged" in settings else ""
    partition = partition.replace("partitioned by", " partition by")
    created = [f"create {unlogged}table {difference.object} (\n{lines}\n){partition}"]
    created += [f"alter table {difference.object} {on}" for name, on, _ in reconcile.TABLE_SETTINGS[:2] if name in settings]
    parts = sorted(
        (item for item in own if item.kind in _PARTS),
        key=lambda item: (_PARTS.index(item.kind), item.definition.startswith("FOREIGN KEY")),
    )
    for part in parts:
        created += _at_once(part, place)
    return created + properties(difference, place, expected)


def _at_once(part: Item, place: Place) -> list[str]:
    """Return the statements that create a part of an empty table: nothing has to be built concurrently."""
    if part.kind == "constraint":
        return [f"alter table {part.part_of} add constraint {part.object.removeprefix(f'{part.part_of}.')} {part.definition}"]
    if part.kind == "index":
        return [part.definition.replace(" ON ONLY ", " ON ")]
    return reconcile.statements(_missing(part), place)


def _missing(item: Item) -> Difference:
    return Difference(item.kind, item.object, item.part_of, item.definition, None, list(item.names), None, None)


def _is_default(item: Item) -> bool:
    return item.kind == "storage" and item.names[2] == "default"
