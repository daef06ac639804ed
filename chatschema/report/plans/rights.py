"""The role as which a query is planned: planning runs its immutable functions, which must not have the caller's rights."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from chatschema import postgres, sqlfile
from chatschema.errors import BUSY_SQLSTATES, ChatschemaError, ExitCode, ServerError
from chatschema.postgres import Connection

# The report on queries leaves out statements with this mark.
MARK = "\n/* chatschema report */"
# Settings that a report changes and an application does not: with them the plans would differ.
_OURS = ("search_path", "jit", "max_parallel_workers_per_gather")
# After `set role` a function could reset the role. Inside a SECURITY DEFINER function of the other role it cannot.
_AS_ROLE = """
create function pg_temp.{name}(statement pg_catalog.text) returns setof pg_catalog.text
language plpgsql security definer as $chatschema$
declare
    line pg_catalog.text;
begin
    if pg_catalog.starts_with(statement, 'prepare ') then
        execute statement;
        return;
    end if;
    for line in execute statement loop
        return next line;
    end loop;
end $chatschema$"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A stored text and the role to plan it as, None for the caller; `refusal`: why it must not be planned."""

    text: str
    role: str | None = None
    refusal: str | None = None


def statements(connection: Connection, schema: str) -> dict[str, Statement]:
    """Return the statements by queryid. pg_stat_statements is in `schema`."""
    place = sql.Identifier(schema)
    inner = sqlfile.fill("reports/parts/statements.sql", pg_stat_statements=place)
    _, rows = postgres.fetch_named(connection, sqlfile.fill("reports/parts/statement_roles.sql", statements=inner))
    return {row["queryid"]: _statement(row) for row in rows}


def _statement(row: dict[str, Any]) -> Statement:
    if row["role"] is None and row["is_caller_superuser"]:
        return Statement(
            row["query"], refusal="the role that ran it was dropped, and its functions must not run with the rights of a superuser"
        )
    # A superuser has more rights than the caller: planning its queries as the caller gives no rights away.
    if row["is_caller"] or row["role"] is None or row["is_superuser"] or not row["may_become"]:
        return Statement(row["query"])
    return Statement(row["query"], row["role"])


@contextmanager
def as_application(connection: Connection) -> Iterator[None]:
    """Open a transaction in which queries are planned, and roll it back at the end."""
    (is_standby,) = postgres.fetch_one(connection, f"select pg_catalog.pg_is_in_recovery(){MARK}")
    with postgres.translated(), connection.transaction(force_rollback=True):
        if not is_standby:
            # To create the function of the other role, which disappears with the transaction; queries are planned read only.
            postgres.execute(connection, f"set transaction read write{MARK}")
        yield


def explained(connection: Connection, text: str, role: str | None, options: str, *, prunes: bool = True) -> list[Any]:
    """Return the lines of EXPLAIN, or its document; raises ServerError, and ChatschemaError where `role` cannot be assumed."""
    name = _assumed(connection, role) if role else None
    # Rolled back each time: a function could change settings on which the next statement depends.
    with postgres.translated(), connection.transaction(force_rollback=True):
        reset = ", ".join(f"pg_catalog.set_config('{one}', null, true)" for one in _OURS)
        pruning = "" if prunes else ", pg_catalog.set_config('enable_partition_pruning', 'off', true)"
        _rows(connection, f"select {reset}, pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true){pruning}")
        postgres.execute(connection, f"set transaction read only{MARK}")
        # Prepared again each time, as hypothetical indexes do not invalidate a cached plan.
        postgres.execute(connection, f"deallocate all{MARK}")
        prepare = f"prepare chatschema_explained as {text}"
        has_generic = connection.info.server_version >= 160000
        _check_single(connection, prepare)
        if name is None or not has_generic:
            _run(connection, name, prepare)
        if has_generic:
            return _read(_run(connection, name, f"explain ({', '.join(filter(None, ('generic_plan', options)))}) {text}"), options)
        kept = "select name, pg_catalog.cardinality(parameter_types) from pg_catalog.pg_prepared_statements"
        types = dict(_rows(connection, kept))["chatschema_explained"]
        values = f"({', '.join(['null'] * types)})" if types else ""
        return _read(
            _run(connection, name, f"explain {f'({options}) ' if options else ''}execute chatschema_explained{values}"), options
        )


def search_path(connection: Connection) -> str:
    """Return the search_path, for people."""
    query = f"select reset_val from pg_catalog.pg_settings where name = 'search_path'{MARK}"
    return str(postgres.fetch_one(connection, query)[0])


def _assumed(connection: Connection, role: str) -> str:
    """Return the function that runs a statement with the rights of the role; it is created if it does not exist yet."""
    query = (
        "select r.oid::text, to_regprocedure(format('pg_temp.chatschema_as_%%s(text)', r.oid)) is not null"
        " from pg_catalog.pg_roles as r where r.rolname = %s /* chatschema report */"
    )
    oid, is_there = postgres.fetch_one(connection, query, (role,))
    name = f"chatschema_as_{oid}"
    if is_there:
        return name
    try:
        with postgres.transaction(connection):
            postgres.execute(connection, _AS_ROLE.format(name=name) + MARK)
            owner = sql.SQL("alter function pg_temp.{}(text) owner to {}" + MARK).format(sql.Identifier(name), sql.Identifier(role))
            postgres.execute(connection, owner)
    except ServerError as error:
        if error.exit_code == ExitCode.UNREACHABLE or error.sqlstate in BUSY_SQLSTATES:
            raise
        raise ChatschemaError(
            f"the query cannot be planned as {role}, which ran it: {error.message}",
            f"log in as {role}: planning runs the query's functions, which must not have the rights of another role",
            code="report.plan-rights",
        ) from None
    return name


def _check_single(connection: Connection, statement: str) -> None:
    """Let the server parse it, which accepts one statement: a text with several is refused, not run."""
    with postgres.translated():
        result = connection.pgconn.prepare(b"", statement.encode())
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)


def _run(connection: Connection, name: str | None, statement: str) -> list[tuple[Any, ...]]:
    if name is None:
        return _rows(connection, statement)
    query = f"select line from pg_temp.{name}(%s::pg_catalog.text) as line{MARK}"
    return postgres.fetch_all(connection, query, (statement + MARK,))


def _rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    with postgres.translated(), connection.cursor() as cursor:
        cursor.execute((statement + MARK).encode())
        return cursor.fetchall() if cursor.description else []


def _read(rows: list[tuple[Any, ...]], options: str) -> list[Any]:
    if "json" not in options:
        return [row[0] for row in rows]
    ((document,),) = rows
    return list(json.loads(document) if isinstance(document, str) else document)
