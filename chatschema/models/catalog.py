"""Reading the tables that a role may use from the catalog; reads no row."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from chatschema import postgres
from chatschema.audit import ledger
from chatschema.errors import UsageError
from chatschema.models import types
from chatschema.models.filled import filled
from chatschema.models.types import Types
from chatschema.models.values import Catalog, Column, Made, Reference, Table
from chatschema.postgres import Connection

Describe = Callable[[str | None], str]

# Without the partitions, and without what extensions brought.
_TABLES = """
    select c.oid, n.nspname, c.relname, obj_description(c.oid, 'pg_class'),
        coalesce(has_any_column_privilege(%(role)s::name, c.oid, 'select, insert, update'), true)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema', 'chatschema', 'chat_partitions') and n.nspname !~ '^pg_'
        and not exists (
            select from pg_catalog.pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
        )
    order by n.nspname, c.relname
"""
_COLUMNS = """
    select a.attrelid, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), a.attndims,
        col_description(a.attrelid, a.attnum), a.attnotnull and not exists (
            select from pg_catalog.pg_constraint as n
            where n.conrelid = a.attrelid and n.contype = 'n' and not n.convalidated and n.conkey[1] = a.attnum
        ), a.attidentity, a.attgenerated, d.oid is not null,
        coalesce(has_column_privilege(%(role)s::name, a.attrelid, a.attnum, 'select'), true),
        coalesce(has_column_privilege(%(role)s::name, a.attrelid, a.attnum, 'insert'), true),
        coalesce(has_column_privilege(%(role)s::name, a.attrelid, a.attnum, 'update'), true)
    from pg_catalog.pg_attribute as a
    left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = any (%(tables)s::oid[]) and a.attnum > 0 and not a.attisdropped
    order by a.attrelid, a.attnum
"""
_NAMED = """
    array(
        select a.attname::text from unnest({keys}) with ordinality as k (number, place)
        join pg_catalog.pg_attribute as a on a.attrelid = {of} and a.attnum = k.number order by k.place
    )
"""
_CHECKS = (
    "select con.conrelid, "
    + _NAMED.format(keys="con.conkey", of="con.conrelid")
    + """, pg_get_constraintdef(con.oid)
    from pg_catalog.pg_constraint as con
    where con.contype = 'c' and con.convalidated and cardinality(con.conkey) = 1 and con.conrelid = any (%(tables)s::oid[])
    order by con.conname
"""
)
# A key with a condition, or of an expression, does not identify a row.
_KEYS = (
    "select i.indrelid, i.indisprimary, "
    + _NAMED.format(keys="(i.indkey::int2[])[0 : i.indnkeyatts - 1]", of="i.indrelid")
    + """
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and i.indimmediate
        and i.indrelid = any (%(tables)s::oid[])
    order by c.relname
"""
)
# Messages have no foreign keys towards them: these triggers stand for one. The argument of require_message() names the column;
# require_messages() is about the statuses' own. Those of the partitions are copies.
_REFERENCES = (
    "select con.conrelid, "
    + _NAMED.format(keys="con.conkey", of="con.conrelid")
    + ", con.confrelid, "
    + _NAMED.format(keys="con.confkey", of="con.confrelid")
    + """
    from pg_catalog.pg_constraint as con
    where con.contype = 'f' and con.conparentid = 0 and con.conrelid = any (%(tables)s::oid[])
    union
    select t.tgrelid, array[coalesce(nullif(rtrim(encode(t.tgargs, 'escape'), '\\000'), ''), 'message_id')],
        to_regclass('public.messages'), array['id']
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where n.nspname = 'chatschema' and f.proname in ('require_message', 'require_messages') and t.tgparentid = 0
        and not t.tgisinternal and t.tgrelid = any (%(tables)s::oid[]) and to_regclass('public.messages') is not null
"""
)


def read(connection: Connection, role: str | None, describe: Describe) -> Catalog:
    """Return the tables of schema public with the columns that `role` may use; all columns if it is None.

    `describe` takes from a comment what is not for people. Raises UsageError for a role that does not exist, and ServerError; also
    when another session has locked a table with a CHECK, whose text the server reads under a lock.
    """
    if role is not None and not postgres.fetch_one(connection, "select to_regrole(quote_ident(%s)) is not null", (role,))[0]:
        raise UsageError(f"there is no role {role} on this server", "list the roles: chatschema roles show", code="models.role")
    # A migration beside it is seen whole or not at all.
    with ledger.snapshot(connection):
        return _read(connection, role, describe)


def _read(connection: Connection, role: str | None, describe: Describe) -> Catalog:
    found = postgres.fetch_all(connection, _TABLES, {"role": role})
    names: dict[int, str] = {oid: name for oid, schema, name, *_ in found if schema == "public"}
    elsewhere = tuple(f"{schema}.{name}" for _, schema, name, _, is_used in found if schema != "public" and is_used)
    comments = {oid: describe(comment) for oid, _, _, comment, _ in found}
    columns = _columns(connection, role, names, describe)
    keys = _keys(connection, names)
    tables = tuple(
        _table(name, comments[oid], columns[oid], keys[oid])
        for oid, name in sorted(names.items(), key=lambda one: one[1])
        if columns[oid]
    )
    return Catalog(role, tables, _references(connection, names), elsewhere)


def _columns(connection: Connection, role: str | None, names: dict[int, str], describe: Describe) -> dict[int, list[Column]]:
    """Return the columns that the role may use, by table."""
    known = types.read(connection, list(names))
    checks: dict[tuple[int, str], list[tuple[str, ...]]] = defaultdict(list)
    for table, (name,), text in postgres.fetch_all(connection, _CHECKS, {"tables": list(names)}):
        if labels := types.allowed(name, text):
            checks[table, name].append(labels)
    columns: dict[int, list[Column]] = defaultdict(list)
    for row in postgres.fetch_all(connection, _COLUMNS, {"role": role, "tables": list(names)}):
        if any(row[11:14]):
            columns[row[0]].append(_column(names[row[0]], row, known, checks[row[0], row[1]], describe(row[6])))
    return columns


def _column(table: str, row: tuple[Any, ...], known: Types, checks: list[tuple[str, ...]], comment: str) -> Column:
    _, name, oid, modifier, written, dimensions, _, is_not_null, identity, generated, has_default, *rights = row
    by_trigger = filled(table, name, comment)
    made: Made = ""
    if generated or identity:
        made = "generated" if generated else "always" if identity == "a" else "identity"
    elif has_default or known.has_default(oid):
        made = "default"
    elif by_trigger:
        made = "trigger"
    return Column(
        name,
        types.limited(known.of(oid, modifier, written, dimensions), checks),
        comment,
        not (is_not_null or known.is_not_null(oid)),
        made,
        made not in ("always", "generated") and by_trigger != "always",
        *rights,
    )


def _keys(connection: Connection, names: dict[int, str]) -> dict[int, list[tuple[bool, tuple[str, ...]]]]:
    """Return the unique keys by table: whether it is the primary key, and its columns."""
    keys: dict[int, list[tuple[bool, tuple[str, ...]]]] = defaultdict(list)
    for table, is_primary, columns in postgres.fetch_all(connection, _KEYS, {"tables": list(names)}):
        keys[table].append((is_primary, tuple(columns)))
    return keys


def _table(name: str, comment: str, columns: list[Column], keys: list[tuple[bool, tuple[str, ...]]]) -> Table:
    read = {one.name for one in columns if one.may_select}
    seen = [(is_primary, key) for is_primary, key in keys if read.issuperset(key)]
    primary = next((key for is_primary, key in seen if is_primary), ())
    return Table(name, comment, tuple(columns), primary, tuple(key for is_primary, key in seen if not is_primary))


def _references(connection: Connection, names: dict[int, str]) -> tuple[Reference, ...]:
    rows = postgres.fetch_all(connection, _REFERENCES, {"tables": list(names)})
    found = {
        Reference(names[table], tuple(columns), names[parent], tuple(parent_columns))
        for table, columns, parent, parent_columns in rows
        if parent in names
    }
    return tuple(sorted(found, key=lambda one: (one.table, one.columns, one.parent)))
