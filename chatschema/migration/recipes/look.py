"""The table of a recipe as it is in the database: its columns, and the objects that name one of them."""

from dataclasses import dataclass

from chatschema import postgres
from chatschema.errors import ServerError, UsageError
from chatschema.postgres import Connection

_TABLE = """
    select c.oid::bigint, n.nspname, c.relname, c.relkind = 'p',
        coalesce((
            select array_agg(a.attname::text order by k.place)
            from unnest(i.indkey::int2[]) with ordinality as k (number, place)
            join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.number
        ), '{}'),
        coalesce((
            select array_agg(a.attname::text) from pg_catalog.pg_partitioned_table as p
            join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = any (p.partattrs::int2[])
            where p.partrelid = c.oid
        ), '{}')
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join pg_catalog.pg_index as i on i.indrelid = c.oid and i.indisprimary
    where c.oid = to_regclass(%s) and c.relkind in ('r', 'p')
"""
_COLUMNS = """
    select a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
        a.attgenerated <> '', a.attidentity <> '', col_description(a.attrelid, a.attnum),
        case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end
    from pg_catalog.pg_attribute as a join pg_catalog.pg_type as t on t.oid = a.atttypid
    left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
# Keys first, then the other objects that name the column; not those that belong to one of them.
_DEPENDENTS = """
    select case when k.confrelid = %(oid)s then 'reference' when k.contype = 'p' then 'primary key'
            when k.contype = 'u' then 'unique constraint' when k.contype = 'f' then 'foreign key'
            when k.contype = 'c' then 'check' else 'constraint' end,
        k.conname, pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint')
    from pg_catalog.pg_constraint as k
    where k.contype <> 'n' and (k.conrelid = %(oid)s and %(number)s = any (k.conkey)
        or k.confrelid = %(oid)s and %(number)s = any (k.confkey) and k.conparentid = 0)
    union all
    select 'index', c.relname, pg_get_indexdef(i.indexrelid), obj_description(c.oid, 'pg_class')
    from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid
    where i.indrelid = %(oid)s and not exists (select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid)
        and exists (
            select from pg_catalog.pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                and d.refclassid = 'pg_class'::regclass and d.refobjid = %(oid)s and d.refobjsubid = %(number)s
        )
    union all
    select distinct case d.classid when 'pg_trigger'::regclass then 'trigger' when 'pg_policy'::regclass then 'policy'
            when 'pg_statistic_ext'::regclass then 'statistics' else 'view' end,
        coalesce(g.tgname, p.polname, s.stxname, v.relname), null, null
    from pg_catalog.pg_depend as d
    left join pg_catalog.pg_trigger as g on d.classid = 'pg_trigger'::regclass and g.oid = d.objid and not g.tgisinternal
    left join pg_catalog.pg_policy as p on d.classid = 'pg_policy'::regclass and p.oid = d.objid
    left join pg_catalog.pg_statistic_ext as s on d.classid = 'pg_statistic_ext'::regclass and s.oid = d.objid
    left join pg_catalog.pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    left join pg_catalog.pg_class as v on v.oid = r.ev_class
    where d.refclassid = 'pg_class'::regclass and d.refobjid = %(oid)s and d.refobjsubid = %(number)s
        and coalesce(g.tgname, p.polname, s.stxname, v.relname) is not null
"""
_GRANTS = """
    select format(
        'grant %%s on %%s to %%s%%s;', lower(string_agg(a.privilege_type, ', ' order by a.privilege_type)), %(relation)s::text,
        case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
        case when a.is_grantable then ' with grant option' else '' end
    )
    from pg_catalog.pg_class as c, aclexplode(c.relacl) as a
    where c.oid = %(oid)s and a.grantee <> c.relowner and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    group by a.grantee, a.is_grantable order by 1
"""
_COLUMN_GRANTS = """
    select format(
        'grant %%s on %%s to %%s%%s;',
        string_agg(lower(x.privilege_type) || format(' (%%I)', %(name)s::text), ', ' order by x.privilege_type), %(relation)s::text,
        case x.grantee when 0 then 'public' else x.grantee::regrole::text end,
        case when x.is_grantable then ' with grant option' else '' end
    )
    from pg_catalog.pg_attribute as a, aclexplode(a.attacl) as x
    where a.attrelid = %(oid)s and a.attnum = %(number)s
    group by x.grantee, x.is_grantable order by 1
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `default` and `collation` are None where it has none of its own."""

    name: str
    number: int
    type: str
    is_not_null: bool
    default: str | None
    is_generated: bool
    is_identity: bool
    comment: str | None
    collation: str | None

    @property
    def is_computed(self) -> bool:
        """Whether the server computes the values."""
        return self.is_generated or self.is_identity


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its columns by name, its primary key, and the columns that decide on the partition."""

    oid: int
    schema: str
    name: str
    is_partitioned: bool
    primary_key: tuple[str, ...]
    partition_key: tuple[str, ...]
    columns: dict[str, Column]

    @property
    def relation(self) -> str:
        """The table with its schema."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column:
        """Return a column. Raises UsageError if there is none of this name."""
        if name not in self.columns:
            hint = f"its columns: {', '.join(self.columns)}"
            raise UsageError(f"{self.relation} has no column {name}", hint, code="recipe.column")
        return self.columns[name]


@dataclass(frozen=True, slots=True)
class Dependent:
    """An object that names a column. `definition` is None where only the object itself can be named."""

    kind: str
    name: str
    definition: str | None
    comment: str | None


def table(connection: Connection, name: str) -> Table:
    """Return the table `name`, with or without its schema. Raises UsageError if there is none, or a name of it needs quotes."""
    try:
        rows = postgres.fetch_all(connection, _TABLE, (name,))
    except ServerError:
        rows = []
    if not rows:
        hint = "give a table of this database; if a pending migration creates it: chatschema migrate"
        raise UsageError(f"there is no table {name} in database {connection.info.dbname}", hint, code="recipe.table")
    oid, schema, own, is_partitioned, key, partition_key = rows[0]
    return Table(oid, schema, own, is_partitioned, tuple(key), tuple(partition_key), columns(connection, oid))


def columns(connection: Connection, oid: int) -> dict[str, Column]:
    """Return the columns of the table with this oid, by name."""
    return {row[0]: Column(*row) for row in postgres.fetch_all(connection, _COLUMNS, (oid,))}


def dependents(connection: Connection, table: Table, column: Column) -> list[Dependent]:
    """Return the constraints, indexes, triggers, policies and views that name the column."""
    rows = postgres.fetch_all(connection, _DEPENDENTS, {"oid": table.oid, "number": column.number})
    # With the word ONLY, an index would have to be created on each partition as well.
    return [
        Dependent(kind, name, definition and definition.replace(" ON ONLY ", " ON ", 1), comment)
        for kind, name, definition, comment in rows
    ]


def index_comment(connection: Connection, table: Table, name: str) -> str | None:
    """Return the comment of an index of the table."""
    query = "select obj_description(to_regclass(format('%%I.%%I', %s::text, %s::text)), 'pg_class')"
    found: str | None = postgres.fetch_one(connection, query, (table.schema, name))[0]
    return found


def grants(connection: Connection, table: Table, relation: str) -> list[str]:
    """Return the statements that grant on another relation what is granted on the table."""
    return [row[0] for row in postgres.fetch_all(connection, _GRANTS, {"oid": table.oid, "relation": relation})]


def column_grants(connection: Connection, table: Table, column: Column, name: str, relation: str | None = None) -> list[str]:
    """Return the statements that grant on a column `name`, of the table or another relation, what is granted on this one alone."""
    values = {"oid": table.oid, "number": column.number, "name": name, "relation": relation or table.relation}
    return [row[0] for row in postgres.fetch_all(connection, _COLUMN_GRANTS, values)]


def has_policies(connection: Connection, table: Table) -> bool:
    """Return whether row level security decides who sees which rows of the table."""
    return bool(postgres.fetch_one(connection, "select relrowsecurity from pg_catalog.pg_class where oid = %s", (table.oid,))[0])


def has_index(connection: Connection, table: Table, column: Column) -> bool:
    """Return whether a valid index of the table begins with the column and has all rows."""
    query = """
        select exists (
            select from pg_catalog.pg_index where indrelid = %s and indisvalid and indpred is null and indkey[0] = %s
        )
    """
    return bool(postgres.fetch_one(connection, query, (table.oid, column.number))[0])


def has_name(connection: Connection, table: Table, name: str) -> bool:
    """Return whether a constraint of the table, or a relation in its schema, has the name."""
    query = """
        select exists (select from pg_catalog.pg_constraint where conrelid = %s and conname = %s)
            or to_regclass(%s) is not null
    """
    return bool(postgres.fetch_one(connection, query, (table.oid, name, f"{table.schema}.{name}"))[0])
