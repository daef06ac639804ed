"""Each month compared with one month of the replay, whose name and bounds are replaced by its own."""

from collections.abc import Iterable, Iterator, Sequence

from chatschema.structure.comparison import Difference
from chatschema.structure.names import quoted
from chatschema.structure.snapshot import MonthTable, Part, Snapshot


def differences(expected: Snapshot, found: Snapshot, of_parents: Sequence[Difference]) -> Iterator[Difference]:
    """Yield the differences of the months of `found`, but not those that follow from a difference of their parent."""
    examples: dict[str, MonthTable] = {}
    for month in expected.months.values():
        examples.setdefault(month.parent, month)
    for month in found.months.values():
        example = examples.get(month.parent)
        if example is None:
            continue
        changed = _Changed(difference for difference in of_parents if _is_of(difference, month))
        for key in sorted(example.parts.keys() | month.parts.keys()):
            was, now = example.parts.get(key), month.parts.get(key)
            if was and now and was.definition == now.definition:
                continue
            if not any(part and changed.explains(part) for part in (was, now)):
                yield from _difference(month, was, now)


def _is_of(difference: Difference, month: MonthTable) -> bool:
    return month.parent_table in (difference.part_of, difference.object)


class _Changed:
    """What differs in a parent: a part of a month that belongs to it differs with it."""

    def __init__(self, of_parent: Iterable[Difference]) -> None:
        listed = list(of_parent)
        self._names = {(one.kind, one.names[-1]) for one in listed if one.kind in ("index", "trigger", "constraint", "column")}
        self._names |= {("storage", one.names[1]) for one in listed if one.kind in ("storage", "column")}
        self._definitions = {text for one in listed if one.kind == "constraint" for text in (one.recorded, one.found)}

    def explains(self, part: Part) -> bool:
        if part.kind == "constraint" and part.definition in self._definitions:
            return True
        name = part.inherits or part.object
        kinds = ("index", "constraint") if part.kind == "index" else (part.kind,)
        return any((kind, name.rpartition(".")[2].strip('"')) in self._names for kind in kinds)


def _difference(month: MonthTable, was: Part | None, now: Part | None) -> Iterator[Difference]:
    part = now or was
    if part is None:
        return
    table, kind = month.table, part.kind
    recorded, found = (month.filled(one.definition) if one else None for one in (was, now))
    if kind == "index":
        kind, recorded, found = "index of month", _index(month, was), _index(month, now)
    yield Difference(kind, _object(month, part), table, recorded, found, [month.name, part.object], None, None)


def _object(month: MonthTable, part: Part) -> str:
    table = month.table
    if part.kind == "table":
        return table
    if part.kind == "owner":
        return f"table {table}"
    if part.kind == "option":
        return f"{part.object} of table {table}"
    if part.kind == "privilege":
        return part.object.replace(" to ", f" on table {table} to ", 1)
    if part.kind == "index":
        return f"chat_partitions.{quoted(_index_name(month, part))}"
    return f"{table}.{_own_name(month, part.object if '{month}' in part.object else part.made_of or part.object)}"


def _own_name(month: MonthTable, name: str) -> str:
    return quoted(name.strip('"').replace("{month}", month.name)) if "{month}" in name else name


def _index_name(month: MonthTable, part: Part) -> str:
    """Return the name of a month's index; of one that is missing, the name that it gets."""
    if (part.made_of or "").startswith(month.name):
        return str(part.made_of)
    of = (part.inherits or "").rpartition(".")[2].strip('"').removeprefix("idx_").removeprefix(f"{month.parent}_")
    return part.made_of if part.made_of and not part.inherits else f"{month.name}_{of}_idx"[:63]


def _index(month: MonthTable, part: Part | None) -> str | None:
    """Return the statement that creates the index, and the parent's index that it belongs to."""
    if part is None:
        return None
    unique, _, using = part.definition.rpartition("USING ")
    name = quoted(_index_name(month, part))
    attached = f" ATTACHED TO {part.inherits}" if part.inherits else ""
    return f"CREATE {unique.upper()}INDEX {name} ON {month.table} USING {month.filled(using)}{attached}"
