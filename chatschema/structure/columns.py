"""The SQL that makes a column as it should be again: its type, default, generation, not null, storage and statistics."""

import re

from chatschema.structure.comparison import Difference
from chatschema.structure.place import Place, last

_COLUMN = re.compile(
    r"(?s)(?P<type>.*?)(?P<collation> collate \S+)?(?P<null> not null)?(?P<generated> generated .*)?(?: default (?P<default>.*))?"
)


def column(difference: Difference, place: Place) -> list[str]:
    """Return the statements for a column that is missing, was added or is another one."""
    table, name = difference.part_of, last(difference)
    if difference.found is None:
        return added(str(table), name, difference.recorded or "")
    if difference.recorded is None:
        return [f"alter table {table} drop column {name}"]
    was, now = _COLUMN.fullmatch(difference.recorded), _COLUMN.fullmatch(difference.found)
    if was is None or now is None:
        return []
    actions, is_retyped = [], (was["type"], was["collation"]) != (now["type"], now["collation"])
    if is_retyped:
        # A default may have no cast to the other type.
        actions += [f"alter column {name} drop default"] if now["default"] else []
        actions.append(f"alter column {name} type {was['type']}{was['collation'] or ''} using {name}::{was['type']}")
    if was["default"] != now["default"] or (is_retyped and was["default"]):
        actions.append(f"alter column {name} " + (f"set default {was['default']}" if was["default"] else "drop default"))
    changed = [f"alter table {table} {', '.join(actions)}"] if actions else []
    if was["generated"] != now["generated"]:
        changed += _generated(f"alter table {table}", name, was["generated"], now["generated"], difference.recorded, place)
    if was["null"] == now["null"] or "drop column" in "".join(changed):
        return changed
    return changed + (_not_null(str(table), name) if was["null"] else [f"alter table {table} alter column {name} drop not null"])


def added(table: str, name: str, definition: str) -> list[str]:
    """Return the statements that add a column to a table that may have rows: they are filled before NOT NULL is checked."""
    parts = _COLUMN.fullmatch(definition)
    if parts is None or not parts["null"] or parts["generated"] or parts["default"]:
        return [f"alter table {table} add column {name} {definition}"]
    return [f"alter table {table} add column {name} {parts['type']}{parts['collation'] or ''}", *_not_null(table, name)]


def _generated(alter: str, name: str, was: str | None, now: str | None, recorded: str, place: Place) -> list[str]:
    """Return the statements for a column that is generated, or should be: as an identity or from an expression."""
    identity = [text.removeprefix(" generated ") if text and text.endswith("as identity") else None for text in (was, now)]
    if identity[0] and identity[1]:
        return [f"{alter} alter column {name} set generated {identity[0].removesuffix(' as identity')}"]
    if identity[0] and now is None:
        return [f"{alter} alter column {name} add generated {identity[0]}"]
    if was is None:
        return [f"{alter} alter column {name} drop {'identity' if identity[1] else 'expression'}"]
    expression = re.fullmatch(r"(?s) generated always as \((.*)\) stored", was)
    if expression and now and now.endswith(" stored") and place.major >= 17:
        return [f"{alter} alter column {name} set expression as ({expression[1]})"]
    return [f"{alter} drop column {name}", f"{alter} add column {name} {recorded}"]


def _not_null(table: str, name: str) -> list[str]:
    """Return the statements that read the rows without locking writers out, as the check that holds proves the rest."""
    check = re.sub(r"\W", "", name)[:40] + "_is_not_null"
    return [
        f"alter table {table} add constraint {check} check ({name} is not null) not valid",
        f"alter table {table} validate constraint {check}",
        f"alter table {table} alter column {name} set not null",
        f"alter table {table} drop constraint {check}",
    ]


def storage(difference: Difference, _: Place) -> list[str]:
    """Return the statements that restore storage and compression."""
    if difference.recorded is None:
        return []
    alter = f"alter table {difference.part_of} alter column {last(difference)}"
    (was, compression), (now, other) = (
        (text or "").partition(" compression ")[::2] for text in (difference.recorded, difference.found)
    )
    return [
        *([f"{alter} set storage {was}"] if was != now else []),
        *([f"{alter} set compression {compression or 'default'}"] if compression != other else []),
    ]


def statistics(difference: Difference, _: Place) -> list[str]:
    """Return the statement that restores the target of statistics."""
    alter = f"alter table {difference.part_of} alter column {last(difference)}"
    return [f"{alter} set statistics {-1 if difference.recorded is None else difference.recorded}"]


def not_validated(difference: Difference, _: Place) -> list[str]:
    """Return the statement that checks the rows for a NOT NULL that was added without."""
    return [] if difference.found is None else [f"alter table {difference.part_of} validate constraint {last(difference)}"]
