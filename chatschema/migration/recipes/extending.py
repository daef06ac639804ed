"""The values of the recipe that adds columns to a primary key: a unique index that takes the place of that of the key."""

from collections.abc import Sequence

from chatschema.errors import ChatschemaError
from chatschema.migration.recipes import look
from chatschema.migration.recipes.look import Dependent, Table
from chatschema.migration.recipes.names import literal, name, rebuilt, refuse_quoted
from chatschema.migration.recipes.values import Fit
from chatschema.postgres import Connection


def extended(connection: Connection, table: Table, added: Sequence[str]) -> Fit:
    """Return the values for adding the columns to the primary key. Raises ChatschemaError where that would not work."""
    columns = [*table.primary_key, *(table.column(one).name for one in added)]
    refuse_quoted(*columns)
    key = _key(connection, table)
    if len(set(columns)) < len(columns):
        raise ChatschemaError(f"the primary key of {table.relation} has {', '.join(table.primary_key)} already", code="recipe.done")
    if nullable := [one for one in added if not table.columns[one].is_not_null]:
        raise ChatschemaError(
            f"{table.relation}.{nullable[0]} may be null, and a column of a primary key may not",
            f"first: chatschema new migration --recipe set-not-null {table.name} {nullable[0]}",
            code="recipe.key",
        )
    own, index_comment = name(key.name, "_new"), look.index_comment(connection, table, key.name)
    described = literal(index_comment or "TODO the queries that it serves.")
    on = f"constraint {key.name} on {table.relation}"
    again = rebuilt(table, key)
    again += [f"comment on index {table.schema}.{key.name} is {literal(index_comment)};"] if index_comment else []
    return Fit(
        {
            "columns": ", ".join(columns), "slug": "_".join(columns), "pkey": key.name, "copy": own,
            "comment": f"comment on {on} is {literal(key.comment)};" if key.comment else "",
            "index_comment": f"comment on index {table.schema}.{own} is {described};",
            "again": "\n".join(again),
        }
    )  # fmt: skip


def _key(connection: Connection, table: Table) -> Dependent:
    """Return the primary key. Raises ChatschemaError if there is none, or no index can take its place."""
    used = [one for column in table.primary_key for one in look.dependents(connection, table, table.columns[column])]
    key = next((one for one in used if one.kind == "primary key"), None)
    if key is None or table.is_partitioned:
        raise ChatschemaError(
            f"{table.relation} has no primary key" if key is None
            else f"{table.relation} is partitioned, and PostgreSQL makes no key of an index there",
            "write the files by hand: chatschema new migration NAME",
            code="recipe.key",
        )  # fmt: skip
    references = [one.name for one in used if one.kind == "reference"]
    if references or "DEFERRABLE" in (key.definition or ""):
        raise ChatschemaError(
            f"the primary key of {table.relation} cannot be extended by this recipe: "
            + (f"{', '.join(references)} refers to it" if references else "it is deferrable"),
            "drop that first, in a migration of its own; or keep the key, and add a unique index",
            code="recipe.dependents",
        )
    refuse_quoted(key.name)
    return key
