"""Whether the schema chatschema in a database is chatschema's: the schema of another program is neither changed nor read."""

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, door

# The tables of schema chatschema that chatschema creates without a migration, each when it is first needed.
TABLES = (
    "migrations", "_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock", "protection", "seeds", "seeded_rows",
    "schema_records", "batches", "repeatables", "kept_by_reset",
)  # fmt: skip
# The part of the ledger that every release reads; later releases may add to it.
_LEDGER = {
    "migrations": ("migration_id", "checksum", "state", "applied_order", "applied_at", "duration_ms", "tool_version"),
    "_yoyo_migration": ("migration_hash", "migration_id", "applied_at_utc"),
    "protection": ("reason", "protected_at", "protected_by"),
    "seeds": ("name", "rng", "row_count", "seeded_at"),
}
_COLUMNS = """
    select c.relname, array_agg(a.attname::text)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = to_regnamespace('chatschema') and c.relname = any (%s)
    group by c.relname
"""
# All kinds of objects in a schema, except those that belong to a table or view.
_CONTENTS = """
    select what from (
        select format('table %s', c.oid::regclass) as what from pg_catalog.pg_class as c
        where c.relnamespace = to_regnamespace('chatschema') and c.relkind in ('r', 'p', 'f')
            -- A reset that drops objects one by one keeps its list here until the next migrate.
            and c.relname <> 'kept_by_reset'
        union all
        select format('view %s', c.oid::regclass) from pg_catalog.pg_class as c
        where c.relnamespace = to_regnamespace('chatschema') and c.relkind in ('v', 'm')
        union all
        select format('sequence %s', c.oid::regclass) from pg_catalog.pg_class as c
        where c.relnamespace = to_regnamespace('chatschema') and c.relkind = 'S'
            and not exists (
                select from pg_catalog.pg_depend as d
                where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
            )
        union all
        select format('function %s', p.oid::regprocedure) from pg_catalog.pg_proc as p
        where p.pronamespace = to_regnamespace('chatschema')
        union all
        select format('type %s', t.oid::regtype) from pg_catalog.pg_type as t
        where t.typnamespace = to_regnamespace('chatschema') and t.typtype in ('d', 'e', 'r')
    ) as contents
    -- Another run may have created the ledger in the meantime; one snapshot sees both or neither.
    where not exists (
        select from pg_catalog.pg_class where relnamespace = to_regnamespace('chatschema') and relname = 'migrations'
    )
    limit 4
"""
_SHOWN = 3


def refuse_foreign(connection: Connection) -> None:
    """Raise ChatschemaError if the schema chatschema belongs to another program; an empty one does not.

    Runs one query if the ledger is as expected. Needs no privilege and waits for no lock. Marks the connection where the database
    is distributed.
    """
    found: dict[str, list[str]] = dict(postgres.fetch_all(connection, _COLUMNS, ([*_LEDGER, door.SIGN],)))
    if door.SIGN in found:
        door.mark(connection)
    if "migrations" not in found:
        _refuse_contents(connection)
        return
    for table, columns in _LEDGER.items():
        if table not in found:
            where = f"in database {connection.info.dbname}"
            raise ChatschemaError(
                f"table chatschema.{table} is missing {where}, so the ledger is incomplete; nothing was changed",
                "restore it from a backup; if the schema belongs to another program, use a separate database",
                code="ledger.incomplete",
            )
        if missing := [column for column in columns if column not in found[table]]:
            word = "column" if len(missing) == 1 else "columns"
            raise _foreign(connection, f"its table {table} has no {word} {', '.join(missing)}")


def _refuse_contents(connection: Connection) -> None:
    contents = [row[0] for row in postgres.fetch_all(connection, _CONTENTS)]
    if contents:
        more = ", ..." if len(contents) > _SHOWN else ""
        raise _foreign(connection, f"it has no table chatschema.migrations, but {', '.join(contents[:_SHOWN])}{more}")


def _foreign(connection: Connection, why: str) -> ChatschemaError:
    return ChatschemaError(
        f"schema chatschema in database {connection.info.dbname} belongs to another program: {why}; nothing was changed",
        "use a separate database, or rename that schema: alter schema chatschema rename to chatschema_old",
        code="ledger.foreign",
    )
