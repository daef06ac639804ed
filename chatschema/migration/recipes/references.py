"""The foreign keys of a column that a copy replaces: its own, and those that refer to it; each gets a copy first."""

import re
from dataclasses import dataclass

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration.recipes.look import Column, Dependent, Table
from chatschema.migration.recipes.names import literal, lower, name, refuse_quoted
from chatschema.postgres import Connection

_REFERENCES = """
    select n.nspname, c.relname, c.relkind = 'p', k.conname, pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint')
    from pg_catalog.pg_constraint as k
    join pg_catalog.pg_class as c on c.oid = k.conrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where k.contype = 'f' and k.confrelid = %s and %s = any (k.confkey) and k.conparentid = 0
    order by n.nspname, c.relname, k.conname
"""
# The columns of a key stand before REFERENCES, or after the action that sets some of them.
_OWN = re.compile(r"(?<=FOREIGN KEY \()[^)]*|(?<=SET NULL \()[^)]*|(?<=SET DEFAULT \()[^)]*")
_THERE = re.compile(r"(?P<before> REFERENCES [^(]+\()(?P<columns>[^)]*)")


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key and its copy. `is_own`: the column is the one that refers, and the key is dropped with it."""

    owner: str
    owner_schema: str
    name: str
    copy: str
    old: str
    new: str
    comment: str | None
    is_own: bool

    @property
    def relation(self) -> str:
        """The table of the key, with its schema."""
        return f"{self.owner_schema}.{self.owner}"

    @property
    def values(self) -> dict[str, str]:
        """The values for the file that adds the copy."""
        return {
            "owner": self.owner, "owner_relation": self.relation, "reference": self.name, "reference_copy": self.copy,
            "reference_definition": self.new, "reference_comment": self._commented(self.copy),
        }  # fmt: skip

    def _commented(self, name: str) -> str:
        return f"comment on constraint {name} on {self.relation} is {literal(self.comment)};" if self.comment else ""

    def rename(self) -> str:
        """Return the statement that gives the copy the name of the key."""
        return f"alter table {self.relation} rename constraint {self.copy} to {self.name};"

    def rename_back(self) -> str:
        """Return the statement that gives the copy its own name again."""
        return f"alter table {self.relation} rename constraint {self.name} to {self.copy};"

    def drop(self) -> str:
        """Return the statement that drops the key."""
        return f"alter table {self.relation} drop constraint {self.name};"

    def add(self, *, back: bool) -> list[str]:
        """Return the statements that add the key again, or its copy, with all rows checked."""
        own, definition = (self.name, self.old) if back else (self.copy, self.new)
        return [f"alter table {self.relation} add constraint {own} {definition};", *filter(None, [self._commented(own)])]


def own(table: Table, column: Column, copy: str, key: Dependent) -> Reference:
    """Return a foreign key of the column with its copy for the column `copy`."""
    definition = key.definition or ""
    new = _OWN.sub(lambda match: _renamed(match[0], column.name, copy), definition)
    return Reference(
        table.name, table.schema, key.name, name(key.name, "_new"), lower(definition), lower(new), key.comment, is_own=True
    )


def to(connection: Connection, table: Table, column: Column, copy: str) -> list[Reference]:
    """Return the foreign keys that refer to the column, with their copies for the column `copy`.

    Raises ChatschemaError for one of a partitioned table: before 18 PostgreSQL cannot add it without reading all of its rows.
    """
    found = []
    for schema, owner, is_partitioned, own_name, definition, comment in postgres.fetch_all(
        connection, _REFERENCES, (table.oid, column.number)
    ):
        refuse_quoted(schema, owner, own_name)
        if is_partitioned:
            raise ChatschemaError(
                f"{table.relation}.{column.name} cannot be replaced by this recipe: {own_name} of the partitioned table"
                f" {schema}.{owner} refers to it",
                "drop it first, in a migration of its own, and add it again: chatschema new migration --recipe foreign-key",
                code="recipe.dependents",
            )
        new = _THERE.sub(lambda match: match["before"] + _renamed(match["columns"], column.name, copy), definition)
        found.append(
            Reference(owner, schema, own_name, name(own_name, "_new"), lower(definition), lower(new), comment, is_own=False)
        )
    return found


def _renamed(columns: str, column: str, copy: str) -> str:
    return ", ".join(copy if one == column else one for one in columns.split(", "))
