"""Drizzle: the tables with their relations, and the types of a row and a new row. On node-postgres; not for drizzle-kit push."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chatschema.models import naming, types
from chatschema.models.targets import spelling
from chatschema.models.values import Column, Model, Relation, Text, Type

# Builders of drizzle-orm/pg-core, with their options.
_BUILT = {
    **{
        name: (name, "") for name in ("uuid", "text", "json", "jsonb", "inet", "cidr", "macaddr", "macaddr8", "interval", "numeric")
    },
    **{name: (name, "") for name in ("date", "varchar", "time", "timestamp")},
    "int2": ("smallint", ""),
    "int4": ("integer", ""),
    "int8": ("bigint", '{ mode: "bigint" }'),
    "float4": ("real", ""),
    "float8": ("doublePrecision", ""),
    "bool": ("boolean", ""),
    "bpchar": ("char", ""),
    "timestamptz": ("timestamp", "{ withTimezone: true }"),
    "timetz": ("time", "{ withTimezone: true }"),
    "point": ("point", '{ mode: "xy" }'),
}
# Items of arrays that Drizzle converts one by one.
_CONVERTED_NAMES = (
    "uuid text varchar int2 int4 int8 float4 float8 bool numeric date timestamp timestamptz interval inet macaddr time timetz point"
)
_CONVERTED = frozenset(_CONVERTED_NAMES.split())
# What neither node-postgres nor Drizzle converts arrives as text, but for these.
_CUSTOM = {"bytea": "Buffer", "oid": "number"}
_CUSTOM_ITEMS = {"bytea": "Buffer", "oid": "number", "json": "Record<string, unknown>", "jsonb": "Record<string, unknown>"}
_TEXT_ITEMS = frozenset(("cidr", "bpchar", "money", "numrange"))
_CIRCLE = """\
const circle = customType<{ data: { x: number; y: number; radius: number }; driverData: string }>({
  dataType: () => "circle",
  toDriver: (value) => `<(${value.x},${value.y}),${value.radius}>`,
  fromDriver: (value: unknown) => value as { x: number; y: number; radius: number },
});"""
# A call that builds a column, a table or a key, and the declaration of a type: not what a comment says.
_USED = re.compile(r"^(?:  [^/* ].*?: |export const \w+ = |const \w+ = |.* => \[)(\w+)[(<]", re.MULTILINE)
# What the objects of Drizzle's tables have themselves.
_MEMBERS = frozenset(("_", "$inferSelect", "$inferInsert", "enableRLS", "getSQL", "shouldOmitSQLParens", "__proto__"))
_OWN = frozenset(
    ("made", "circle", "customType", "pgTable", "primaryKey", "relations", "sql", *(name for name, _ in _BUILT.values()))
)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a model: the type of its rows, and the constant of its table."""

    type: str
    table: str


def text(models: tuple[Model, ...], command: str) -> Text:
    """Return the file. Raises UsageError if two declarations have one name, and for a name that it cannot quote."""
    readable = [model for model in models if model.table.read]
    names = {model.table.name: _names(model) for model in readable}
    spelling.refuse_names("Drizzle", readable, re.compile('"'))
    spelling.refuse_fields(readable, _field)
    custom: dict[str, str] = {}
    tables = ["\n".join(_table(model, names[model.table.name], custom)) for model in readable]
    relations = ["\n".join(_relations(model, names)) for model in readable if model.relations]
    _refuse_twice(names, custom)
    declared = ["\n".join(custom[name] for name in sorted(custom))] if custom else []
    paragraphs = [*_head(command, "\n".join([*tables, *declared]), has_relations=bool(relations)), *declared]
    return Text("\n\n".join([*paragraphs, *tables, *relations]) + "\n", tuple(_notes(models)))


def _names(model: Model) -> Names:
    table = naming.free(naming.camel(model.table.name), spelling.RESERVED | _OWN, "Table")
    return Names(naming.free(model.name, spelling.RESERVED, "Row"), table)


def _refuse_twice(names: dict[str, Names], custom: dict[str, str]) -> None:
    declared = [(name, f"a type {name}", "TABLE.COLUMN") for name in custom]
    declared += [
        (spelled, f"{spelled} of {table}", table)
        for table, own in names.items()
        for spelled in (own.type, f"New{own.type}", own.table, f"{own.table}Relations")
    ]
    naming.refuse_twice("name", declared)


def _notes(models: tuple[Model, ...]) -> Iterator[str]:
    """Yield what is left out: Drizzle reads each column that a table has."""
    for model in models:
        unread = ", ".join(one.name for one in model.table.columns if not one.may_select)
        if unread:
            yield f"left out of {model.table.name}: {unread}; the role may write but not read it, and Drizzle reads each column"


def _head(command: str, body: str, *, has_relations: bool) -> Iterator[str]:
    builders = {name for name, _ in _BUILT.values()} | {"customType", "pgTable", "primaryKey"}
    used = sorted(builders.intersection(_USED.findall(body)))
    is_made = ".default(made)" in body
    general = [name for name, is_used in (("relations", has_relations), ("sql", is_made)) if is_used]
    lines = [spelling.head("//", command)]
    lines += [f'import {{ {", ".join(general)} }} from "drizzle-orm";'] if general else []
    yield "\n".join([*lines, f'import {{ {", ".join(used)} }} from "drizzle-orm/pg-core";'])
    if is_made:
        yield "/** The database makes the value: left out of an insert, it is DEFAULT. */\nconst made = sql`default`;"


def _table(model: Model, names: Names, custom: dict[str, str]) -> Iterator[str]:
    table = model.table
    yield from spelling.jsdoc(spelling.about(table))
    key = table.key if len(table.key) > 1 else ()
    yield f"export const {names.table} = pgTable({spelling.quoted(table.name)}, {{"
    for column in table.read:
        yield from spelling.jsdoc(column.comment, "  ")
        yield f"  {spelling.key(_field(column.name))}: {_column(column, custom, is_key=table.key == (column.name,))},"
    columns = ", ".join(spelling.member("t", _field(name)) for name in key)
    yield f"}}, (t) => [primaryKey({{ columns: [{columns}] }})]);" if key else "});"
    barred = [column.name for column in table.read if not column.is_inserted]
    if barred:
        listed = ", ".join(spelling.member(names.table, _field(name)) for name in barred)
        yield "// An insert of Drizzle names every column of the table, but for these: the role may not insert them."
        yield f"for (const column of [{listed}]) Object.assign(column, {{ shouldDisableInsert: () => true }});"
    yield f"export type {names.type} = typeof {names.table}.$inferSelect;"
    if table.inserted:
        without = " | ".join(spelling.quoted(_field(name)) for name in barred)
        inserted = f"typeof {names.table}.$inferInsert"
        yield f"export type New{names.type} = {f'Omit<{inserted}, {without}>' if barred else inserted};"


def _field(name: str) -> str:
    return naming.free(name, _MEMBERS, "_")


def _column(column: Column, custom: dict[str, str], *, is_key: bool) -> str:
    text = _built(column, custom)
    if is_key:
        text += ".primaryKey()"
    elif not column.is_nullable:
        text += ".notNull()"
    return f"{text}.default(made)" if column.made or (not column.is_inserted and not column.is_nullable) else text


def _built(column: Column, custom: dict[str, str]) -> str:
    type = column.type
    if type.labels and type.family == "enum":
        return f"text({spelling.quoted(column.name)}, {_values(type.labels)})"
    if type.family == "array" and type.item is not None:
        return _array(column.name, type, type.item, custom)
    if type.family == "base" and type.name in _BUILT:
        return _call(column.name, type, type.modifier, type.labels)
    return _custom(column.name, type, _CUSTOM.get(type.name, "string") if type.family == "base" else "string", custom)


def _values(labels: tuple[str, ...]) -> str:
    return f"{{ enum: [{', '.join(spelling.quoted(label) for label in labels)}] }}"


def _call(name: str, type: Type, modifier: int, labels: tuple[str, ...] = ()) -> str:
    builder, options = _BUILT[type.name]
    if labels:
        options = _values(labels)
    elif type.name in ("varchar", "bpchar") and (length := types.length(modifier)):
        options = f"{{ length: {length} }}"
    elif type.name == "numeric" and (found := types.precision(modifier)):
        options = f"{{ precision: {found[0]}, scale: {found[1]} }}"
    return f"{builder}({spelling.quoted(name)}{f', {options}' if options else ''})"


def _array(name: str, type: Type, item: Type, custom: dict[str, str]) -> str:
    if item.family == "enum":
        return f"text({spelling.quoted(name)}, {_values(item.labels)})" + ".array()" * type.dimensions
    if item.family == "base" and item.name in _CONVERTED:
        return _call(name, item, type.modifier) + ".array()" * type.dimensions
    if item.family == "base" and (item.name in _CUSTOM_ITEMS or item.name in _TEXT_ITEMS):
        return _custom(name, type, f"{_CUSTOM_ITEMS.get(item.name, 'string')}{'[]' * type.dimensions}", custom)
    return _custom(name, type, "string", custom)


def _custom(name: str, type: Type, data: str, custom: dict[str, str]) -> str:
    """Return the call of a type that is declared in the file, once for each type of PostgreSQL."""
    if type.name == "circle":
        custom["circle"] = _CIRCLE
        return f"circle({spelling.quoted(name)})"
    own = naming.free(naming.camel(f"{type.name}{'_array' if type.family == 'array' else ''}"), spelling.RESERVED | _OWN, "Type")
    declared = (
        f"const {own} = customType<{{ data: {data}; driverData: {data} }}>({{ dataType: () => {spelling.quoted(type.written)} }});"
    )
    while custom.setdefault(own, declared) != declared:
        own += "_"
        declared = declared.replace("const ", "const ", 1)
        declared = f"const {own} = {declared.partition(' = ')[2]}"
    return f"{own}({spelling.quoted(name)})"


def _relations(model: Model, names: dict[str, Names]) -> Iterator[str]:
    own = names[model.table.name]
    used = sorted({"many" if one.kind == "many" else "one" for one in model.relations})
    yield f"export const {own.table}Relations = relations({own.table}, ({{ {', '.join(used)} }}) => ({{"
    for one in model.relations:
        yield f"  {spelling.key(one.name)}: {_relation(one, own.table, names[one.to].table)},"
    yield "}));"


def _relation(one: Relation, table: str, to: str) -> str:
    pair = f"relationName: {spelling.quoted(one.pair)}"
    if one.kind == "many":
        return f"many({to}, {{ {pair} }})"
    fields = ", ".join(spelling.member(table, _field(name)) for name in one.columns)
    references = ", ".join(spelling.member(to, _field(name)) for name in one.to_columns)
    return f"one({to}, {{ {pair}, fields: [{fields}], references: [{references}] }})"
