"""From the catalog to models: without what the user leaves out, with names and relations."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from chatschema.errors import UsageError
from chatschema.models import naming
from chatschema.models.values import Catalog, Model, Reference, Relation, Table


def without(catalog: Catalog, names: Iterable[str]) -> Catalog:
    """Return the catalog without tables, and without columns named TABLE.COLUMN. Raises UsageError for a name that it lacks."""
    for name in names:
        catalog = _less(catalog, name)
    return catalog


def _less(catalog: Catalog, name: str) -> Catalog:
    for table in catalog.tables:
        if name == table.name:
            return replace(catalog, tables=tuple(one for one in catalog.tables if one is not table))
        for column in table.columns:
            if name == f"{table.name}.{column.name}":
                less = replace(
                    table,
                    columns=tuple(one for one in table.columns if one is not column),
                    key=() if column.name in table.key else table.key,
                    uniques=tuple(key for key in table.uniques if column.name not in key),
                    left_out=(*table.left_out, column.name),
                )
                return replace(catalog, tables=tuple(less if one is table else one for one in catalog.tables))
    text = f"--without {name}: the models have no such table or column"
    raise UsageError(text, "name a table of schema public, or TABLE.COLUMN", code="models.without")


def models(catalog: Catalog) -> tuple[Model, ...]:
    """Return the models, in the order of their tables. Raises UsageError if there is none, or if two have one name."""
    if not catalog.tables:
        who = f"the role {catalog.role} may use no table" if catalog.role else "there is no table"
        hint = "name the application's role: --role chat_app; or first: chatschema migrate"
        raise UsageError(f"{who} in schema public", hint, code="models.none")
    named = {table.name: naming.class_name(table.name) for table in catalog.tables}
    naming.refuse_twice("name", [(name, table, table) for table, name in named.items()])
    relations = _relations(catalog)
    return tuple(
        Model(named[table.name], table, tuple(sorted(relations[table.name], key=lambda one: one.name))) for table in catalog.tables
    )


def _relations(catalog: Catalog) -> dict[str, list[Relation]]:
    """Return the relations by table: only those between columns that the role may read."""
    tables = {table.name: table for table in catalog.tables}
    found: dict[str, list[Relation]] = defaultdict(list)
    for reference in catalog.references:
        child, parent = tables.get(reference.table), tables.get(reference.parent)
        if child and parent and _reads(child, reference.columns) and _reads(parent, reference.parent_columns):
            pair = "_".join((reference.table, *reference.columns))
            found[child.name].append(_belonging(reference, child, parent, pair))
            found[parent.name].append(_having(reference, child, pair))
    for table, relations in found.items():
        columns = [(one.name, f"the column {table}.{one.name}", f"{table}.{one.name}") for one in tables[table].columns]
        naming.refuse_twice(
            "name", [*columns, *((one.name, f"the reference {one.pair}", _column(one, table)) for one in relations)]
        )
    return found


def _column(relation: Relation, table: str) -> str:
    """Return the first column of the reference behind a relation, as --without names it."""
    return f"{table}.{relation.columns[0]}" if relation.kind == "belongs" else f"{relation.to}.{relation.to_columns[0]}"


def _reads(table: Table, columns: tuple[str, ...]) -> bool:
    return {column.name for column in table.read}.issuperset(columns)


def _belonging(reference: Reference, child: Table, parent: Table, pair: str) -> Relation:
    name = naming.belongs(reference.columns)
    # A column owner that refers to users has its name already.
    if name in {column.name for column in child.columns}:
        name += naming.class_name(parent.name)
    return Relation(name, "belongs", pair, parent.name, reference.columns, reference.parent_columns)


def _having(reference: Reference, child: Table, pair: str) -> Relation:
    is_one = any(set(key) <= set(reference.columns) for key in (child.key, *child.uniques) if key)
    name = naming.children(child.name, reference.columns, reference.parent, is_one=is_one)
    return Relation(name, "one" if is_one else "many", pair, child.name, reference.parent_columns, reference.columns)
