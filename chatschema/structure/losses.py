"""What the SQL of a difference does not bring back, or costs: for the person who runs it."""

import re
from collections.abc import Sequence

from chatschema.structure.comparison import Difference
from chatschema.structure.place import Place

_LOSES = {"table": "its rows are lost", "column": "its values are lost", "materialized view": None, "sequence": "its value is lost"}
_RETYPED = re.compile(r"(?i) alter column .* type ")


def note(difference: Difference, sql: Sequence[str], place: Place) -> str | None:
    """Return the warning that belongs to the statements; None where nothing is lost and nobody waits for long."""
    if not sql:
        return _without_sql(difference, place)
    if difference.recorded is None:
        return _LOSES.get(difference.kind)
    if difference.found is None:
        return _created(difference)
    if _RETYPED.search("".join(sql)):
        return "rewrites the table while readers wait; on a large table: chatschema new migration --recipe change-type"
    if difference.kind == "column" and any(" drop column " in statement for statement in sql):
        return "its values are computed again while readers wait"
    return None


def _created(difference: Difference) -> str | None:
    recorded = difference.recorded or ""
    if difference.kind == "column":
        fill = (
            "; fill it before the statement that validates its check"
            if " not null" in recorded and " default " not in recorded
            else ""
        )
        return f"comes back without its values{fill}"
    if difference.kind == "table":
        months = "; afterwards create its partitions: chatschema partition ensure" if "partitioned by" in recorded else ""
        return f"comes back without its rows{months}"
    if difference.kind == "constraint" and not recorded.startswith("CHECK"):
        return "fails where rows violate it: delete or correct those first"
    return "fails where rows violate it: correct those first" if difference.kind == "constraint" else None


def _without_sql(difference: Difference, place: Place) -> str:
    if difference.kind == "view" and (obstacle := place.views.get(difference.object)):
        named = ", ".join(obstacle.dependents)
        again = "; chatschema roles apply creates the policies again" if "policy " in named else ""
        return (
            f"{obstacle.why}; it cannot be dropped, as these depend on it: {named}. Drop them, then it, and create all again{again}"
        )
    if difference.kind == "type" and (difference.recorded or "").startswith("enum ("):
        return "a label of an enum cannot be removed: create another type and change the columns to it"
    if difference.kind == "table":
        return "how a table is partitioned cannot be changed: create another table and move the rows"
    return "no statement restores it: drop it and create it as its migration does"
