"""The database in which a difference is reconciled, and the names that its statements need."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatschema.structure.comparison import Difference


@dataclass(frozen=True, slots=True)
class Replacing:
    """Why a view has to be dropped, in words, and what depends on it, without which it cannot be."""

    why: str
    dependents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """The database in which the statements will run: the owner of its ledger, the months of its partitioned tables, its version.

    `months` maps each partitioned table, as public.messages, to the tables of its months; None if they are not known.
    `views` maps each view that is there to why it cannot be replaced, None if it can; empty if that is not known.
    """

    owner: str = "CURRENT_USER"
    months: Mapping[str, tuple[str, ...]] | None = None
    major: int = 15
    views: Mapping[str, "Replacing | None"] = field(default_factory=dict)

    def is_partitioned(self, table: str | None) -> bool:
        """Return whether the table may be partitioned, so that nothing can be built concurrently on it."""
        return self.months is None or table in self.months


def literal(text: str) -> str:
    """Return the text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def last(difference: Difference) -> str:
    """Return the object's own name, quoted where it must be, without its table's."""
    return difference.object.removeprefix(f"{difference.part_of}.")
