"""A difference in words: the object, its change, and the statement that reverts it."""

import re
from dataclasses import asdict
from datetime import datetime

from chatschema.structure.comparison import Comparison, Difference

# Longer ones are in the document that --json prints.
_LONGEST_STATEMENT = 400
_ENABLE = {"disabled": "disable", "enabled replica": "enable replica", "enabled always": "enable always"}
_ROW_SECURITY = (("row level security enabled", "enable", "disable"), ("forced", "force", "no force"))
_COLUMN = re.compile(
    r"(?s)(?P<type>.*?)(?P<collation> collate \S+)?(?P<null> not null)?(?P<generated> generated .*)?(?: default (?P<default>.*))?"
)
_TRIGGER_STATE = re.compile(r" \((disabled|enabled replica|enabled always)\)$")


KEEP = "to revert a change, run its SQL; to keep it, write a migration that makes it and run chatschema migrate"


def findings(comparison: Comparison) -> list[str]:
    """Return one line for each difference."""
    busy = [f"the structure was {comparison.note}"] if comparison.is_busy else []
    return busy + [_finding(difference) for difference in comparison.differences]


def summary(comparison: Comparison) -> str:
    """Return one line about the structure as a whole, and about the changes that cannot be seen."""
    if not comparison.is_compared:
        return f"structure: {comparison.note}"
    count = len(comparison.differences)
    changes = "" if not count else "; 1 object differs" if count == 1 else f"; {count} objects differ"
    blind = f"; changes made before {_when(comparison.found_at)}, the first record, cannot be seen" if comparison.found_at else ""
    return f"structure: recorded {_when(comparison.recorded_at)}{changes}{blind}" + (f"; {KEEP}" if count else "")


def document(comparison: Comparison) -> dict[str, object]:
    """Return the comparison with the statement that reverts each difference, for programs."""
    differences = [{**asdict(d), "restore": restoring(d)} for d in comparison.differences]
    return {**asdict(comparison), "differences": differences}


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def _finding(difference: Difference) -> str:
    name = f"{difference.kind} {difference.object}"
    if difference.recorded is None:
        happened = f"{name} was added since the last migration"
    else:
        happened = f"{name} {_change(difference)} since the last migration (recorded {_when(difference.recorded_at)})"
    statement = restoring(difference)
    if statement is None:
        return happened
    if len(statement) > _LONGEST_STATEMENT or "\n" in statement:
        statement = "the statement in chatschema status --json"
    return f"{happened}{_loss(difference)}: {statement}"


def _loss(difference: Difference) -> str:
    if difference.kind != "column":
        return ""
    if difference.found is None:
        return "; the SQL adds it without its values"
    return "; the SQL drops it with its values" if difference.recorded is None else ""


def _change(difference: Difference) -> str:
    recorded, found = difference.recorded or "", difference.found
    if found is None:
        return "is missing"
    if difference.kind == "trigger" and _TRIGGER_STATE.sub("", recorded) == _TRIGGER_STATE.sub("", found):
        state = _TRIGGER_STATE.search(found)
        return f"is {state[1] if state else 'enabled'}"
    if found == f"{recorded} (triggers disabled)":
        return "is not checked, as its triggers are disabled"
    if difference.kind == "column":
        return f'is now "{found}", recorded as "{recorded}",'
    return "is invalid" if found == f"{recorded} (invalid)" else "was changed"


def restoring(difference: Difference) -> str | None:
    """Return the SQL that restores the recorded object; None if a single statement cannot."""
    kind, recorded = difference.kind, difference.recorded
    if kind in _RESTORING:
        return _RESTORING[kind](difference)
    if kind in ("function", "view"):
        if recorded is None:
            return None
        return recorded if kind == "function" else f"create or replace view {difference.object} as {recorded}"
    return None


def _column(difference: Difference) -> str | None:
    table, name = difference.part_of, _last(difference)
    if difference.found is None:
        return f"alter table {table} add column {name} {difference.recorded}"
    if difference.recorded is None:
        return f"alter table {table} drop column {name}"
    was, now = _COLUMN.fullmatch(difference.recorded), _COLUMN.fullmatch(difference.found)
    if was is None or now is None or was["generated"] != now["generated"]:
        return None
    actions = []
    if (was["type"], was["collation"]) != (now["type"], now["collation"]):
        actions.append(f"alter column {name} type {was['type']}{was['collation'] or ''} using {name}::{was['type']}")
    if was["default"] != now["default"]:
        actions.append(f"alter column {name} " + (f"set default {was['default']}" if was["default"] else "drop default"))
    if was["null"] != now["null"]:
        actions.append(f"alter column {name} {'set' if was['null'] else 'drop'} not null")
    return f"alter table {table} {', '.join(actions)}"


def _constraint(difference: Difference) -> str:
    table, name = difference.part_of, _last(difference)
    if difference.found is not None and difference.found == f"{difference.recorded} (triggers disabled)":
        return f"alter table {table} enable trigger all"
    drop = None if difference.found is None else f"drop constraint {name}"
    add = None if difference.recorded is None else f"add constraint {name} {difference.recorded}"
    return f"alter table {table} {', '.join(action for action in (drop, add) if action)}"


def _index(difference: Difference) -> str:
    if difference.recorded is None:
        return f"drop index {difference.object}"
    # On a partitioned table an index cannot be created without locking out its writers.
    statement = difference.recorded.replace(" ON ONLY ", " ON ")
    if statement == difference.recorded:
        statement = re.sub(r"^(CREATE (?:UNIQUE )?INDEX) ", r"\1 CONCURRENTLY ", statement)
    return statement if difference.found is None else f"drop index {difference.object}; {statement}"


def _trigger(difference: Difference) -> str:
    table, name = difference.part_of, _last(difference)
    drop = f"drop trigger {name} on {table}"
    if difference.recorded is None:
        return drop
    definition = _TRIGGER_STATE.sub("", difference.recorded)
    state = _TRIGGER_STATE.search(difference.recorded)
    enable = f"alter table {table} {_ENABLE[state[1]] if state else 'enable'} trigger {name}"
    if difference.found is not None and _TRIGGER_STATE.sub("", difference.found) == definition:
        return enable
    parts = [drop if difference.found is not None else None, definition, enable if state else None]
    return "; ".join(part for part in parts if part)


def _policy(difference: Difference) -> str:
    drop = None if difference.found is None else f"drop policy {_last(difference)} on {difference.part_of}"
    return "; ".join(part for part in (drop, difference.recorded) if part)


def _table(difference: Difference) -> str | None:
    if difference.found is None or difference.recorded is None:
        return None
    was, now = (text.split(", ") for text in (difference.recorded, difference.found))
    actions = [
        f"{on if setting in was else off} row level security"
        for setting, on, off in _ROW_SECURITY
        if (setting in was) != (setting in now)
    ]
    return f"alter table {difference.object} {', '.join(actions)}" if actions else None


def _privilege(difference: Difference) -> str:
    if difference.found is None:
        return f"grant {difference.object}"
    return "revoke " + re.sub(r" to (\S+|\".*\")( with grant option)?$", r" from \1", difference.object)


def _last(difference: Difference) -> str:
    """Return the object's own name, quoted where it must be, without its table's."""
    return difference.object.removeprefix(f"{difference.part_of}.")


_RESTORING = {
    "column": _column, "constraint": _constraint, "index": _index, "trigger": _trigger, "policy": _policy, "table": _table,
    "privilege": _privilege,
}  # fmt: skip
