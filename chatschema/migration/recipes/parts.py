"""The indexes, checks and unique constraints of a column that a copy replaces, with their copies, and how they are swapped."""

from collections.abc import Sequence
from dataclasses import dataclass

from chatschema.migration.recipes.look import Dependent, Table
from chatschema.migration.recipes.names import literal, lower, rebuilt

UNIQUE = ("primary key", "unique constraint")


@dataclass(frozen=True, slots=True)
class Part:
    """One of them. `definition` is that of the copy, from the method on for an index; `index_comment` that of its index."""

    table: Table
    original: Dependent
    copy: str
    definition: str
    is_unique: bool
    index_comment: str | None

    @property
    def is_check(self) -> bool:
        """Whether it is a check, and no index."""
        return self.original.kind == "check"

    @property
    def index_values(self) -> dict[str, str]:
        """The values for the file that creates the copy of the index."""
        return {
            "index": self.original.name, "index_copy": self.copy, "index_tail": self.definition,
            "unique": "unique " if self.is_unique else "", "index_comment": self._index_commented(self.copy),
        }  # fmt: skip

    @property
    def check_values(self) -> dict[str, str]:
        """The values for the file that adds the copy of the check."""
        return {
            "check": self.original.name, "check_copy": self.copy, "check_definition": lower(self.definition),
            "check_comment": self._commented(self.copy),
        }  # fmt: skip

    def swap(self) -> list[str]:
        """Return the statements that put the copy in the place of the original, which was dropped with its column."""
        name, relation = self.original.name, self.table.relation
        if self.original.kind not in UNIQUE:
            return [self._rename(self.copy, name)]
        kind = "primary key" if self.original.kind == "primary key" else "unique"
        # Its index gets the name of the constraint.
        return [f"alter table {relation} add constraint {name} {kind} using index {self.copy};", *_given(self._commented(name))]

    def swap_back(self) -> list[str]:
        """Return the statements that let the copy be no more than a copy again, while its column still has the final name."""
        return [] if self.original.kind in UNIQUE else [self._rename(self.original.name, self.copy)]

    def unkey(self) -> list[str]:
        """Return the statements that leave an index of the constraint, after its column has the name of the copy again."""
        if self.original.kind not in UNIQUE:
            return []
        return [
            f"alter table {self.table.relation} drop constraint {self.original.name};",
            f"create unique index {self.copy} on {self.table.relation} {self.definition};",
            *_given(self._index_commented(self.copy)),
        ]

    def again(self) -> list[str]:
        """Return the statements that create the original again."""
        of_index = self._index_commented(self.original.name) if self.original.kind in UNIQUE else ""
        return [*rebuilt(self.table, self.original), *_given(of_index)]

    def _rename(self, old: str, new: str) -> str:
        if self.is_check:
            return f"alter table {self.table.relation} rename constraint {old} to {new};"
        return f"alter index {self.table.schema}.{old} rename to {new};"

    def _commented(self, name: str) -> str:
        comment = self.original.comment
        return f"comment on constraint {name} on {self.table.relation} is {literal(comment)};" if comment else ""

    def _index_commented(self, name: str) -> str:
        return f"comment on index {self.table.schema}.{name} is {literal(self.index_comment)};" if self.index_comment else ""


def _given(*statements: str) -> Sequence[str]:
    return [one for one in statements if one]
