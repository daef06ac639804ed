"""Objects of a database outside of chatschema's schema, which a reset keeps: extensions, grants, publications."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from psycopg import sql

from chatschema import assets, postgres, sqlfile
from chatschema.database.catalog import quiet
from chatschema.errors import ChatschemaError, ServerError
from chatschema.postgres import Connection
from chatschema.values import TABLES

_TABLE = "chatschema.kept_by_reset"
# The names of objects are printed with their schemas.
_PATH = "select set_config('search_path', '', true)"
# Rows that users put into an extension's own tables, and that pg_dump would keep.
_CONFIGURED = """
    select 'extension ' || quote_ident(e.extname), 'drop extension ' || quote_ident(e.extname),
        format('%I.%I', n.nspname, c.relname), coalesce(t.condition, '')
    from pg_catalog.pg_extension as e
    cross join lateral unnest(e.extconfig, e.extcondition) as t (oid, condition)
    join pg_catalog.pg_class as c on c.oid = t.oid and c.relkind in ('r', 'p')
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
"""
_EXISTING = """
    select w.i - 1 from unnest(%s::text[], %s::text[]) with ordinality as w (kind, target, i)
    where case w.kind
        when 'schema' then to_regnamespace(w.target) is not null
        when 'relation' then to_regclass(w.target) is not null
        when 'routine' then to_regprocedure(w.target) is not null
        when 'column' then exists (
            select from pg_catalog.pg_attribute as a
            where a.attname = (parse_ident(w.target))[3] and not a.attisdropped
                and a.attrelid = to_regclass(format('%%I.%%I', (parse_ident(w.target))[1], (parse_ident(w.target))[2]))
        )
        else true
    end
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A statement that recreates an object; `way_out` is the statement that drops it, for a user who does not need it."""

    what: str
    way_out: str
    kind: str | None
    target: str | None
    statement: str


def refuse(connection: Connection) -> None:
    """Raise ChatschemaError if the database has an object that cannot be recreated in another one."""
    found = [(what, way_out) for what, way_out in postgres.fetch_all(connection, sqlfile.text_of(_file("unkept")))]
    for what, way_out, table, condition in postgres.fetch_all(connection, _CONFIGURED):
        # The server wrote the name, and the extension's author the condition.
        if postgres.fetch_one(connection, sql.SQL(f"select exists (select from {table} {condition})"))[0]:
            found.append((f"{what}, which has rows of its own in {table}", way_out))
    if found:
        what, way_out = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ChatschemaError(
            f"database {connection.info.dbname} has {what}{more}, which a reset would lose; nothing was dropped",
            f"if it is not needed, drop it first: {way_out}",
            code="reset.unkept",
        )


def of_database(connection: Connection) -> list[Kept]:
    """Return the objects that are dropped with the database, in the order in which they are recreated.

    Raises ChatschemaError for an object that cannot be recreated.
    """
    refuse(connection)
    return [kept for kept, _, _ in _read(connection)]


def of_objects(connection: Connection) -> list[Kept]:
    """Return the objects that are dropped with chatschema's own, and those that an interrupted reset did not recreate.

    Raises ChatschemaError if this role may not recreate one.
    """
    dropped = [(kept, may) for kept, is_dropped, may in _read(connection) if is_dropped]
    for kept, may in dropped:
        if not may:
            raise _failed(connection.info.dbname, kept, f"role {connection.info.user} does not own it", "nothing was dropped")
    before = []
    if postgres.has_table(connection, _TABLE):
        before = _remembered(connection)
        # The interrupted reset dropped everything else already.
        dropped = [(kept, may) for kept, may in dropped if kept not in before and not kept.statement.startswith("revoke")]
    return [*before, *(kept for kept, _ in dropped)]


def remember(connection: Connection, keep: Sequence[Kept]) -> None:
    """Record the objects that `finish` has to recreate, in the transaction that drops them."""
    if not keep:
        return
    postgres.execute(connection, "create schema chatschema")
    postgres.execute(
        connection,
        "create table chatschema.kept_by_reset"
        " (place integer primary key, what text, way_out text, kind text, target text, statement text not null)",
    )
    for place, kept in enumerate(keep):
        postgres.execute(
            connection, "insert into chatschema.kept_by_reset values (%s, %s, %s, %s, %s, %s)", (place, *astuple(kept))
        )


def finish(connection: Connection) -> None:
    """Recreate the objects that `remember` recorded, and drop the record; after a ChatschemaError all of it is still to do."""
    if postgres.has_table(connection, _TABLE):
        keep = _remembered(connection)
        with postgres.transaction(connection):
            restore(connection, keep, connection.info.dbname, outcome="the next chatschema reset tries again")
            postgres.execute(connection, "drop table chatschema.kept_by_reset")


def _remembered(connection: Connection) -> list[Kept]:
    query = "select what, way_out, kind, target, statement from chatschema.kept_by_reset order by place"
    return [Kept(*row) for row in postgres.fetch_all(connection, query)]


def restore(connection: Connection, keep: Sequence[Kept], name: str, *, outcome: str = "nothing was dropped") -> None:
    """Run the statements whose targets exist here, all or none; raises ChatschemaError, naming database `name` and the object."""
    with quiet(connection), postgres.transaction(connection):
        for step in _steps(keep):
            there = postgres.fetch_all(connection, _EXISTING, ([kept.kind for kept in step], [kept.target for kept in step]))
            for (number,) in sorted(there):
                try:
                    postgres.execute_text(connection, step[number].statement)
                except ServerError as error:
                    raise _failed(name, step[number], error.message, outcome) from None


def _steps(keep: Sequence[Kept]) -> list[list[Kept]]:
    """Return the extensions, and then the objects that may need one of them."""
    first = [kept for kept in keep if kept.what.startswith("extension ")]
    return [step for step in (first, [kept for kept in keep if kept not in first]) if step]


def _failed(name: str, kept: Kept, why: str, outcome: str) -> ChatschemaError:
    way_out = f"; or if it is not needed, remove it first: {kept.way_out}" if kept.way_out else ""
    return ChatschemaError(
        f"{kept.what} of database {name} could not be recreated: {why}; {outcome}",
        f"run chatschema reset as a role that may create it, such as a superuser{way_out}",
        code="reset.recreate",
    )


def _read(connection: Connection) -> list[tuple[Kept, bool, bool]]:
    query = sqlfile.fill(_file("kept"), tables=sql.Literal(list(TABLES)))
    with postgres.transaction(connection):
        postgres.execute(connection, _PATH)
        rows = postgres.fetch_all(connection, query)
        postgres.execute(connection, "select set_config('search_path', 'public', true)")
    return [(Kept(*row[:5]), row[5], row[6]) for row in rows]


def _file(name: str) -> Path:
    return assets.sql_dir() / "reset" / f"{name}.sql"
