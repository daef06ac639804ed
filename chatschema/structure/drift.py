"""The drift between two structures: every difference, with the SQL that reconciles it, in an order in which it can run."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from chatschema.structure import creation, losses, months, reconcile, renames
from chatschema.structure.comparison import Difference
from chatschema.structure.names import quoted
from chatschema.structure.place import Place, Replacing
from chatschema.structure.snapshot import Item, Snapshot, View

# In which objects are created: each after what it may be made of.
_ORDER = (
    "extension", "schema", "type", "sequence", "table", "foreign table", "function", "aggregate", "column", "not null",
    "constraint", "index", "view", "materialized view", "trigger", "rule", "policy", "option", "storage", "statistics", "owner",
    "privilege", "comment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drift:
    """An object that is missing, was added or differs. `sql` reconciles it; `note` says what it cannot bring back, or costs."""

    kind: str
    object: str
    difference: Literal["missing", "extra", "differs"]
    expected: str | None
    found: str | None
    sql: tuple[str, ...]
    note: str | None = None


def compare(expected: Snapshot, found: Snapshot) -> list[Drift]:
    """Return the differences of `found` from what is `expected`, as they have to be reconciled, one after the other."""
    tables = {item.object for item in found.items.values() if item.kind == "table" and "partitioned by " in item.definition}
    place = Place(
        quoted(found.owner),
        {table: tuple(month.table for month in found.months.values() if month.parent_table == table) for table in tables},
        found.major,
        {name: _replacing(expected.views[name], view) for name, view in found.views.items() if name in expected.views},
    )
    renamed, as_before = renames.undone(expected, found)
    items = _differences(expected.items, as_before.items)
    drifts = [Drift(one.kind, one.was, "differs", one.was, one.now, one.sql, one.note) for one in renamed]
    drifts += [_drift(one, place, expected) for one in _shown(items)]
    return [*drifts, *(_drift(one, place, expected) for one in months.differences(expected, found, items))]


def _replacing(expected: View, found: View) -> Replacing | None:
    """Return why the view cannot be replaced: that keeps its columns, and adds others after them."""
    if expected.columns[: len(found.columns)] == found.columns:
        return None
    text = f"its columns are {', '.join(found.columns)} and should be {', '.join(expected.columns)}, so it cannot be replaced"
    return Replacing(text, found.dependents)


def _differences(expected: Mapping[tuple[str, str], Item], found: Mapping[tuple[str, str], Item]) -> list[Difference]:
    """Return the objects that are not equal: those that were added first, as they may stand in the way of others."""
    differences = []
    for key in expected.keys() | found.keys():
        was, now = (items[key].definition if key in items else None for items in (expected, found))
        # An extension that was added is an administrator's; reset keeps it as well.
        if was != now and not (was is None and key[0] == "extension"):
            item = expected[key] if key in expected else found[key]
            differences.append(Difference(item.kind, item.object, item.part_of, was, now, list(item.names), None, None))
    return sorted(differences, key=_place_in_order)


def _place_in_order(difference: Difference) -> tuple[bool, int, bool, str]:
    place = _ORDER.index(difference.kind)
    is_extra = difference.recorded is None
    # A key before the foreign keys that refer to it.
    return not is_extra, -place if is_extra else place, (difference.recorded or "").startswith("FOREIGN KEY"), difference.object


def _shown(differences: Iterable[Difference]) -> Iterator[Difference]:
    """Yield the differences that stand for themselves: not the parts and properties of an object that is missing or was added."""
    listed = list(differences)
    objects = [one for one in listed if one.kind not in creation.PROPERTIES]
    missing = {one.object for one in objects if one.found is None}
    extra = {one.object for one in objects if one.recorded is None}
    for one in listed:
        whole = missing if one.found is None else extra if one.recorded is None else set()
        of = creation.subjects(one) if one.kind in creation.PROPERTIES else {one.part_of or ""}
        if not of & whole:
            yield one


def _drift(difference: Difference, place: Place, expected: Snapshot) -> Drift:
    kind = difference.kind
    if kind == "table" and difference.found is None:
        statements = creation.table(difference, place, expected)
    else:
        statements = reconcile.statements(difference, place)
        if difference.recorded is not None and statements and _is_recreated(difference, statements):
            statements += creation.properties(difference, place, expected)
        elif statements and statements[0].startswith("create or replace view"):
            # The statement gives up the options that it does not name.
            statements += creation.properties(difference, place, expected, {"option"})
    state: Literal["missing", "extra", "differs"]
    state = "missing" if difference.found is None else "extra" if difference.recorded is None else "differs"
    sql = tuple(f"{statement.rstrip().rstrip(';')};" for statement in statements)
    kind = "index" if kind == "index of month" else kind
    return Drift(kind, difference.object, state, difference.recorded, difference.found, sql, losses.note(difference, sql, place))


def _is_recreated(difference: Difference, statements: list[str]) -> bool:
    if difference.kind in creation.PROPERTIES:
        return False
    return difference.found is None or any(
        re.match(r"(?i)drop |alter table \S+ drop (constraint|column) ", one) for one in statements
    )
