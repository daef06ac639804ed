"""Whether chatschema created a database, which its ledger shows; and which rows no seeder created."""

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, relation, seeded
from chatschema.values import TABLES

# User tables, without those of extensions; a month counts as part of its table.
_TABLES = """
    select format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f') and c.relpersistence <> 't' and not c.relispartition
        and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and n.nspname not in ('chatschema', 'chat_partitions')
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
        )
    order by n.nspname, c.relname
"""


class Foreign(ChatschemaError):
    """The database has tables that chatschema did not create."""

    code = "database.foreign"


def is_ours(connection: Connection) -> bool:
    """Return whether the database has chatschema's ledger; needs no privilege."""
    # Halfway through a reset without the right to create databases there is only the list of objects to recreate.
    return postgres.has_table(connection, "chatschema.migrations") or postgres.has_table(connection, "chatschema.kept_by_reset")


def foreign(connection: Connection) -> list[str]:
    """Return the tables of a database without chatschema's ledger, as SQL writes their names; none if it has the ledger."""
    return [] if is_ours(connection) else [row[0] for row in postgres.fetch_all(connection, _TABLES)]


def refuse_foreign(
    connection: Connection, command: str, hint: str = "connect to the database that chatschema manages: --url URL, or DATABASE_URL"
) -> None:
    """Raise Foreign if the database has tables but not chatschema's ledger: `command` is for databases that chatschema created."""
    if tables := foreign(connection):
        message = f"{command} is refused, and nothing was changed: {described(connection, tables)}"
        raise Foreign(message, hint, code="database.foreign")


def described(connection: Connection, tables: list[str]) -> str:
    """Return how many tables the database has that chatschema did not create, and their names and rows."""
    count = "1 table" if len(tables) == 1 else f"{len(tables)} tables"
    shown = ", ".join(
        f"{table.removeprefix('public.')} ({relation.in_words(relation.count(connection, table))})" for table in tables[:5]
    )
    more = f" and {len(tables) - 5} more" if len(tables) > 5 else ""
    return f"database {connection.info.dbname} has {count} that chatschema did not create: {shown}{more}"


def others(connection: Connection) -> list[str]:
    """Return in words which tables have rows that no seeder created, the nine first; an empty list if none has."""
    ours = [f"public.{table}" for table in TABLES]
    found = []
    all_tables = [row[0] for row in postgres.fetch_all(connection, _TABLES)]
    for table in [*(t for t in ours if t in all_tables), *(t for t in all_tables if t not in ours)]:
        rows, condition = _unseeded(connection, table.removeprefix("public.")) if table in ours else (table, relation.ALL)
        if (count := relation.count(connection, rows, condition)) != 0:
            found.append(f"{relation.in_words(count)} in {table.removeprefix('public.')}")
    return found


def has_others(connection: Connection) -> str | None:
    """Return the first of the nine tables with a row that no seeder created, None if there is none.

    Rows of the audit trail do not count: chatschema itself adds some.
    """
    for table in TABLES:
        if table == "audit_logs" or not postgres.has_table(connection, f"public.{table}"):
            continue
        query = sql.SQL("select exists (select 1 from {} as t where {})").format(*_unseeded(connection, table))
        if postgres.fetch_one(connection, query)[0]:
            return table
    return None


def _unseeded(connection: Connection, table: str) -> tuple[sql.Composable, sql.Composable]:
    """Return rows of one of the nine tables, and the condition that no seeder created the row `t` of these."""
    rows: sql.Composable = sql.Identifier("public", table)
    if not postgres.has_table(connection, "chatschema.seeded_rows"):
        return rows, relation.ALL
    condition = sql.SQL("not {}").format(relation.has_entry(connection, table, "t", relation.ALL, each=True))
    if seeded.exists(connection):
        # Those of a bulk seed are millions.
        rows = seeded.others(connection, table)
    if table == "audit_logs":
        # For each seeder the trail has a row of its own.
        condition += sql.SQL(" and not starts_with(t.action, 'seed.')")
    return rows, condition
