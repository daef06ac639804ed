"""What models are made of: tables with the columns that a role may use, their keys, and the references between them."""

from dataclasses import dataclass, field
from typing import Literal

Family = Literal["base", "array", "enum", "range", "multirange", "composite", "domain", "other"]
# How the database makes a value: not at all, by a default, as an identity that may be chosen, as one that may not, as a generated
# column, or by a trigger.
Made = Literal["", "default", "identity", "always", "generated", "trigger"]


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a column, its domains resolved.

    `name` is pg_catalog's for a built-in type (int8), qualified for any other; `written` is how SQL writes it, with its modifier.
    `labels` are the values of an enum, or those that a CHECK allows. The `item` of an array may be a domain, which is not resolved:
    the drivers do not know its arrays.
    """

    name: str
    written: str
    family: Family
    modifier: int = -1
    labels: tuple[str, ...] = ()
    item: "Type | None" = None
    dimensions: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and what the role may do with it. `is_chosen`: a value that the application sends is kept."""

    name: str
    type: Type
    comment: str
    is_nullable: bool
    made: Made
    is_chosen: bool
    may_select: bool
    may_insert: bool
    may_update: bool

    @property
    def is_inserted(self) -> bool:
        """Whether an INSERT of this role may give its value."""
        return self.may_insert and self.is_chosen

    @property
    def is_updated(self) -> bool:
        """Whether an UPDATE of this role may give its value."""
        return self.may_update and self.is_chosen

    @property
    def is_optional(self) -> bool:
        """Whether an INSERT may leave it out."""
        return self.is_nullable or bool(self.made)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the columns that the role may use.

    `key` is the primary key in its order, empty where the role may not read all of it; `uniques` are the other keys without a
    condition. `left_out` are the columns that --without names.
    """

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    uniques: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[Column, ...]:
        """The columns that the role may read."""
        return tuple(one for one in self.columns if one.may_select)

    @property
    def inserted(self) -> tuple[Column, ...]:
        """The columns that the role may give a value in an INSERT."""
        return tuple(one for one in self.columns if one.is_inserted)


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns whose values are those of a row of `parent`: by a foreign key, or by triggers that stand for one."""

    table: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """The tables that a role may use, in the order of their names, and their references.

    `role` is None for all columns. `elsewhere` are tables of other schemas that the role may use.
    """

    role: str | None
    tables: tuple[Table, ...]
    references: tuple[Reference, ...]
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """One side of a reference, as a model has it. `pair` names the reference: it is the same on its other side."""

    name: str
    kind: Literal["one", "many", "belongs"]
    pair: str
    to: str
    columns: tuple[str, ...]
    to_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A table with its name as a class, and its relations in the order of their names."""

    name: str
    table: Table
    relations: tuple[Relation, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a target's file, and what its reader has to know beside it."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaError:
    """What the schema refuses under a name: its SQLSTATEs, its tables (schema public left out), what the application does."""

    name: str
    sqlstates: tuple[str, ...]
    tables: tuple[str, ...]
    action: str
