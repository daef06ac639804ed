"""The SQL that makes an object as it should be again, a statement each, online where that is possible."""

import re
from collections.abc import Callable

from chatschema.structure import columns
from chatschema.structure.comparison import Difference
from chatschema.structure.place import Place, last, literal

TRIGGER_STATE = re.compile(r" \((disabled|enabled replica|enabled always)\)$")
_ENABLE = {"disabled": "disable", "enabled replica": "enable replica", "enabled always": "enable always"}
TABLE_SETTINGS = (
    ("row level security enabled", "enable row level security", "disable row level security"),
    ("forced", "force row level security", "no force row level security"),
    ("unlogged", "set unlogged", "set logged"),
)
_PLAIN_KEY = re.compile(r"(PRIMARY KEY|UNIQUE) (\([^()]*\))")
LEDGER_OWNER = "the owner of the ledger"


def statements(difference: Difference, place: Place) -> list[str]:
    """Return the statements that restore the recorded object, in order; none if no statement can."""
    make = _MAKE.get(difference.kind)
    return make(difference, place) if make else []


def _table(difference: Difference, _: Place) -> list[str]:
    if difference.recorded is None:
        return [f"drop table {difference.object}"]
    if difference.found is None:
        return []
    was, now = (text.split(", ") for text in (difference.recorded, difference.found))
    actions = [on if name in was else off for name, on, off in TABLE_SETTINGS if (name in was) != (name in now)]
    return [f"alter table {difference.object} {', '.join(actions)}"] if actions else []


def _constraint(difference: Difference, place: Place) -> list[str]:
    table, name, recorded, found = difference.part_of, last(difference), difference.recorded, difference.found
    if found is not None and found == f"{recorded} (triggers disabled)":
        return [f"alter table {table} enable trigger all"]
    if found is not None and found == f"{recorded} NOT VALID":
        return [f"alter table {table} validate constraint {name}"]
    dropped = [f"alter table {table} drop constraint {name}"] if found is not None else []
    if recorded is None:
        return dropped
    key = _PLAIN_KEY.fullmatch(recorded)
    if key and not place.is_partitioned(table):
        index = f"create unique index concurrently {name} on {table} {key[2]}"
        return [*dropped, index, f"alter table {table} add constraint {name} {key[1].lower()} using index {name}"]
    is_key = not recorded.startswith(("CHECK", "FOREIGN KEY"))
    # Before 18 a foreign key of a partitioned table is checked at once.
    is_at_once = recorded.startswith("FOREIGN KEY") and place.is_partitioned(table) and place.major < 18
    if is_key or is_at_once or recorded.endswith(("NOT VALID", "NOT ENFORCED")):
        return [*dropped, f"alter table {table} add constraint {name} {recorded}"]
    return [
        *dropped,
        f"alter table {table} add constraint {name} {recorded} not valid",
        f"alter table {table} validate constraint {name}",
    ]


def _index(difference: Difference, place: Place) -> list[str]:
    recorded, found = difference.recorded, difference.found
    is_partitioned = " ON ONLY " in (recorded or found or "")
    dropped = [] if found is None else [f"drop index{'' if is_partitioned else ' concurrently'} {difference.object}"]
    if recorded is None:
        return dropped
    if not is_partitioned:
        if found == f"{recorded} (invalid)":
            return [f"reindex index concurrently {difference.object}"]
        return [*dropped, re.sub(r"^(CREATE (?:UNIQUE )?INDEX) ", r"\1 CONCURRENTLY ", recorded)]
    # The parent's index adopts the equal ones of the months, which get theirs without locking writers out; not a unique one.
    statement = recorded.replace(" ON ONLY ", " ON ")
    months = () if statement.startswith("CREATE UNIQUE") or place.months is None else place.months.get(difference.part_of or "", ())
    using = statement.partition(" USING ")[2]
    return [*dropped, *(f"CREATE INDEX CONCURRENTLY ON {month} USING {using}" for month in months), statement]


def _index_of_month(difference: Difference, _: Place) -> list[str]:
    """Return the statements for an index of a month; one that belongs to an index of its parent is attached to it."""
    if difference.recorded is None:
        return [f"drop index concurrently {difference.object}"]
    statement, parent = difference.recorded.partition(" ATTACHED TO ")[::2]
    attached = [f"alter index {parent} attach partition {difference.object}"] if parent else []
    if difference.found is None:
        return [re.sub(r"^(CREATE (?:UNIQUE )?INDEX) ", r"\1 CONCURRENTLY ", statement), *attached]
    is_invalid = " (invalid)" in difference.found
    return [*([f"reindex index concurrently {difference.object}"] if is_invalid else []), *attached]


def _trigger(difference: Difference, _: Place) -> list[str]:
    table, name = difference.part_of, last(difference)
    drop = f"drop trigger {name} on {table}"
    if difference.recorded is None:
        return [drop]
    definition = TRIGGER_STATE.sub("", difference.recorded)
    state = TRIGGER_STATE.search(difference.recorded)
    enable = f"alter table {table} {_ENABLE[state[1]] if state else 'enable'} trigger {name}"
    if difference.found is not None and TRIGGER_STATE.sub("", difference.found) == definition:
        return [enable]
    parts = [drop if difference.found is not None else None, definition, enable if state else None]
    return [part for part in parts if part]


def _rule(difference: Difference, _: Place) -> list[str]:
    dropped = [] if difference.found is None else [f"drop rule {last(difference)} on {difference.part_of}"]
    return [*dropped, *([difference.recorded.rstrip(";")] if difference.recorded else [])]


def _policy(difference: Difference, _: Place) -> list[str]:
    dropped = [] if difference.found is None else [f"drop policy {last(difference)} on {difference.part_of}"]
    return [*dropped, *([difference.recorded] if difference.recorded else [])]


def _function(difference: Difference, _: Place) -> list[str]:
    if difference.recorded is None:
        return [f"drop routine {difference.object}"]
    heads = [re.split(r"(?m)^ LANGUAGE ", text or "")[0] for text in (difference.recorded, difference.found)]
    is_replaceable = difference.found is None or heads[0] == heads[1]
    return [*([] if is_replaceable else [f"drop routine {difference.object}"]), difference.recorded.rstrip()]


def _view(difference: Difference, place: Place) -> list[str]:
    name, recorded = difference.object, difference.recorded and difference.recorded.rstrip(";")
    if difference.found is None or recorded is None:
        return [f"create {difference.kind} {name} as {recorded}" if recorded else f"drop {difference.kind} {name}"]
    if difference.kind == "view" and name in place.views:
        if (obstacle := place.views[name]) is None:
            return [f"create or replace view {name} as {recorded}"]
        if obstacle.dependents:
            return []
    return [f"drop {difference.kind} {name}", f"create {difference.kind} {name} as {recorded}"]


def _sequence(difference: Difference, _: Place) -> list[str]:
    if difference.recorded is None:
        return [f"drop sequence {difference.object}"]
    if difference.found is None:
        return [f"create sequence {difference.object} {difference.recorded}"]
    return [
        f"alter sequence {difference.object} {difference.recorded}" + ("" if difference.recorded.endswith("cycle") else " no cycle")
    ]


def _type(difference: Difference, _: Place) -> list[str]:
    recorded, found = difference.recorded, difference.found
    what = "type" if (recorded or found or "").startswith(("enum (", "composite (")) else "domain"
    if recorded is None:
        return [f"drop {what} {difference.object}"]
    if found is None:
        return [f"create {what} {difference.object} as {recorded.removeprefix('composite ')}"]
    if recorded.startswith("enum (") and found.startswith("enum ("):
        return _enum(difference.object, *(re.findall(r"'(?:[^']|'')*'", text) for text in (recorded, found)))
    return []


def _enum(name: str, recorded: list[str], found: list[str]) -> list[str]:
    """Return the statements that add the missing labels; none if there are others as well, which nothing can remove."""
    if [label for label in recorded if label in found] != found:
        return []
    return [
        f"alter type {name} add value {label}" + (f" after {recorded[place - 1]}" if place else f" before {recorded[1]}")
        for place, label in enumerate(recorded)
        if label not in found
    ]


def _privilege(difference: Difference, _: Place) -> list[str]:
    if difference.found is None:
        return [f"grant {difference.object}"]
    return ["revoke " + re.sub(r" to (\S+|\".*\")( with grant option)?$", r" from \1", difference.object)]


def _owner(difference: Difference, place: Place) -> list[str]:
    if difference.recorded is None:
        return []
    return [f"alter {difference.object} owner to {place.owner if difference.recorded == LEDGER_OWNER else difference.recorded}"]


def _comment(difference: Difference, _: Place) -> list[str]:
    return [f"comment on {difference.object} is {'null' if difference.recorded is None else literal(difference.recorded)}"]


def _option(difference: Difference, _: Place) -> list[str]:
    name, of = difference.object.partition(" of ")[::2]
    change = f"reset ({name})" if difference.recorded is None else f"set ({name} = {literal(difference.recorded)})"
    if of.startswith("column "):
        column = of.removeprefix(f"column {difference.part_of}.")
        return [f"alter table {difference.part_of} alter column {column} {change}"]
    return [f"alter {of} {change}"]


def _extension(difference: Difference, _: Place) -> list[str]:
    if difference.recorded is None:
        return []
    schema = difference.recorded.removeprefix("in schema ")
    if difference.found is None:
        return [f"create extension {difference.object} with schema {schema}"]
    return [f"alter extension {difference.object} set schema {schema}"]


def _schema(difference: Difference, _: Place) -> list[str]:
    return [f"create schema {difference.object}"] if difference.found is None else []


def _aggregate(difference: Difference, _: Place) -> list[str]:
    return [f"drop aggregate {difference.object}"] if difference.recorded is None else []


_MAKE: dict[str, Callable[[Difference, Place], list[str]]] = {
    "table": _table, "column": columns.column, "constraint": _constraint, "index": _index, "index of month": _index_of_month,
    "trigger": _trigger, "rule": _rule, "policy": _policy, "function": _function, "view": _view, "materialized view": _view,
    "sequence": _sequence, "type": _type, "privilege": _privilege, "owner": _owner, "comment": _comment, "option": _option,
    "storage": columns.storage, "statistics": columns.statistics, "not null": columns.not_validated, "extension": _extension,
    "schema": _schema, "aggregate": _aggregate,
}  # fmt: skip
