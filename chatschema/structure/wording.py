"""A difference in words: the object, its change, and the statement that reverts it."""

from dataclasses import asdict, replace
from datetime import datetime

from chatschema.structure import reconcile
from chatschema.structure.comparison import Comparison, Difference
from chatschema.structure.place import Place

# Longer ones are in the document that --json prints.
_LONGEST_STATEMENT = 400


KEEP = "to revert a change, run its SQL; to keep it, write a migration that makes it and run chatschema migrate"


def findings(comparison: Comparison) -> list[str]:
    """Return one line for each difference."""
    busy = [f"the structure was {comparison.note}"] if comparison.is_busy else []
    return busy + [_finding(difference, comparison.owner) for difference in comparison.differences]


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
    differences = [{**asdict(d), "restore": restoring(d, comparison.owner)} for d in comparison.differences]
    return {**asdict(comparison), "differences": differences}


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def _finding(difference: Difference, owner: str | None) -> str:
    name = f"{difference.kind} {difference.object}"
    if difference.kind == "owner" and owner:
        was, now = (owner if one == reconcile.LEDGER_OWNER else one for one in (difference.recorded, difference.found))
        difference = replace(difference, recorded=was, found=now)
    if difference.recorded is None:
        happened = f"{name} was added since the last migration"
    else:
        happened = f"{name} {_change(difference)} since the last migration (recorded {_when(difference.recorded_at)})"
    statement = restoring(difference, owner)
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
    if difference.kind == "trigger" and reconcile.TRIGGER_STATE.sub("", recorded) == reconcile.TRIGGER_STATE.sub("", found):
        state = reconcile.TRIGGER_STATE.search(found)
        return f"is {state[1] if state else 'enabled'}"
    if found == f"{recorded} (triggers disabled)":
        return "is not checked, as its triggers are disabled"
    if difference.kind == "owner":
        return f"is now {found}, and not {recorded},"
    if difference.kind == "column":
        return f'is now "{found}", recorded as "{recorded}",'
    return "is invalid" if found == f"{recorded} (invalid)" else "was changed"


def restoring(difference: Difference, owner: str | None) -> str | None:
    """Return the SQL that restores the recorded object; None if no statement can. `owner` is that of the ledger."""
    return "; ".join(reconcile.statements(difference, Place(owner) if owner else Place())) or None
