"""Connections, and errors of the server as chatschema's errors. Only this file opens a connection or catches psycopg's errors."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chatschema.errors import CannotConnect, ChatschemaError, ServerError
from chatschema.postgres import pinned, pooler, primary, refusal, unreachable
from chatschema.values import Server, Settings

Connection = psycopg.Connection[tuple[Any, ...]]
Query = LiteralString | sql.SQL | sql.Composed
Say = Callable[[str], None]

OLDEST_VERSION = 150000
_POLL_S = (0.05, 1.0)
_CANCELED, _ATTEMPTS = "57014", 10
# When a failed pipeline ends, psycopg logs a second failure to stderr if no handler is set; the first failure is raised.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


def connect(
    settings: Settings | str, *, dbname: str | None = None, wait_s: float = 0, say: Say | None = None, writes: bool = True
) -> Connection:
    """Return an autocommit connection, in UTC, without timeouts.

    Retries for `wait_s` seconds while the server does not answer; never after a wrong password or database.
    Raises CannotConnect, also for a server older than 15, for a pooler in transaction mode, and for a standby if the command
    `writes`.
    """
    conninfo = make_conninfo(settings if isinstance(settings, str) else settings.conninfo, **({"dbname": dbname} if dbname else {}))
    deadline = time.monotonic() + wait_s
    attempts_left = _ATTEMPTS
    while True:
        attempts_left -= 1
        connection = _opened(conninfo, deadline, say)
        try:
            _prepare(connection, conninfo, writes)
            return connection
        except BaseException as error:
            connection.close()
            # A statement_timeout of the role or database is in force until the settings are pinned: on a busy machine, one of a
            # few milliseconds may end any statement.
            if not (isinstance(error, ServerError) and error.sqlstate == _CANCELED and attempts_left):
                raise


def _opened(conninfo: str, deadline: float, say: Say | None) -> Connection:
    pause = _POLL_S[0]
    while True:
        try:
            return _open(conninfo)
        except _NotYet as error:
            if time.monotonic() + pause > deadline:
                raise CannotConnect(error.refusal.message, error.refusal.hint, code=error.refusal.code) from None
            if say and pause == _POLL_S[0]:
                say(f"waiting for the server: {error.refusal.message}")
            time.sleep(pause)
            pause = min(pause * 2, _POLL_S[1])


def _prepare(connection: Connection, conninfo: str, writes: bool) -> None:
    if connection.info.server_version >= OLDEST_VERSION:
        target = unreachable.target(conninfo_to_dict(conninfo))
        pooler.refuse_transaction_mode(connection, lambda: _another(conninfo), translated, target)
    _check(connection, writes)


def connect_plain(conninfo: str) -> Connection:
    """Return a connection as psycopg.connect() opens it, for tests: transactions, and no setting pinned. Raises CannotConnect."""
    try:
        return psycopg.connect(conninfo)
    except psycopg.Error as error:
        refused = unreachable.explain(str(error), unreachable.target(conninfo_to_dict(conninfo)))
        raise CannotConnect(refused.message, refused.hint, code=refused.code) from None


def again(connection: Connection) -> str:
    """Return the argument of connect() for a second connection like this one, with a timeout of 2 s; contains the password."""
    info = connection.info
    parts: dict[str, Any] = {**info.get_parameters(), "host": info.host, "port": info.port, "connect_timeout": 2}
    # Of several addresses, the one that answered: only that server has this session.
    parts |= {"hostaddr": info.hostaddr} if info.hostaddr else {}
    return make_conninfo("", **parts, **({"password": info.password} if info.password else {}))


class _NotYet(Exception):
    """The server does not answer or has no free connection, but a later attempt may succeed."""

    def __init__(self, refusal: unreachable.Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def _open(conninfo: str) -> Connection:
    parts = conninfo_to_dict(conninfo)
    parts.setdefault("application_name", "chatschema")
    parts.setdefault("connect_timeout", "10")
    try:
        # Behind a pooler in transaction mode, the next transaction does not have a prepared statement.
        connection = psycopg.connect(make_conninfo("", **parts), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        refused = unreachable.explain(str(error), unreachable.target(parts))
        if refused.is_final:
            raise CannotConnect(refused.message, refused.hint, code=refused.code) from None
        raise _NotYet(refused) from None
    # Sent with every BEGIN, not only once a session: each statement must read the current holds, erasures and comparisons.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def _another(conninfo: str) -> Connection | None:
    try:
        return _open(conninfo)
    except (_NotYet, CannotConnect):
        return None


def _check(connection: Connection, writes: bool) -> None:
    if connection.info.server_version < OLDEST_VERSION:
        version = connection.info.parameter_status("server_version")
        text = f"the server is PostgreSQL {version}; chatschema needs 15 or later"
        raise CannotConnect(text, "upgrade the server", code="connect.old-server")
    with translated():
        connection.execute(pinned.ISOLATION)
        connection.execute(pinned.SETTINGS)
        if not writes:
            # A report that waits for a lock does not help when the database is blocked.
            connection.execute("select set_config('lock_timeout', '1s', false) /* chatschema */")
        query = "select pg_is_in_recovery(), current_setting('default_transaction_read_only') /* chatschema */"
        row = connection.execute(query).fetchone()
    if writes:
        _pin_triggers(connection)
    if writes and row and row[0]:
        with translated():
            where = primary.where(connection)
        hint = f"use the primary ({where}); with several hosts add target_session_attrs=read-write to the URL"
        text = f"{connection.info.host}:{connection.info.port} is a read-only standby, and this command writes"
        raise CannotConnect(text, hint, code="connect.standby")
    if writes and row and row[1] == "on":
        hint = "use another role, or: alter role ... reset default_transaction_read_only"
        text = f"{connection.info.dbname} is read-only for {connection.info.user}"
        raise CannotConnect(text, hint, code="connect.read-only")


def _pin_triggers(connection: Connection) -> None:
    try:
        execute(connection, pinned.TRIGGERS)
    except ServerError as error:
        if error.sqlstate != "42501":
            raise
        name = fetch_one(connection, "select quote_ident(current_user)")[0]
        raise CannotConnect(
            f"role {connection.info.user} has session_replication_role = replica: triggers and foreign keys would not work",
            f"as a superuser: alter role {name} reset session_replication_role; or, if it was set for the database: alter database"
            " ... reset session_replication_role",
            code="connect.triggers-off",
        ) from None


def reset_session(connection: Connection) -> None:
    """Reset the settings that a migration file may have changed: role, search_path, timeouts, time zone."""
    execute(connection, pinned.RESET)


def describe(connection: Connection) -> Server:
    """Return the server, database and role of this connection."""
    row = fetch_one(connection, "select current_setting('server_version'), current_database(), current_user, pg_is_in_recovery()")
    return Server(row[0].split()[0], row[1], row[2], connection.info.host, row[3])


def database_name(settings: Settings) -> str:
    """Return the name of the database in the settings.

    If they do not contain it, the server is asked: libpq may take it from a service file, a variable or the user.
    """
    name = conninfo_to_dict(settings.conninfo).get("dbname")
    if name:
        return str(name)
    with closing(connect(settings, writes=False)) as connection:
        return connection.info.dbname


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors into ServerError."""
    try:
        yield
    except psycopg.Error as error:
        raise refusal.first_loss(error) or refusal.translate(error) from None


def execute(connection: Connection, query: Query, params: Any = None) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run one query; raises ServerError."""
    with translated():
        return connection.execute(query, params)


def fetch_all(connection: Connection, query: Query, params: Any = None) -> list[tuple[Any, ...]]:
    """Return all rows of a query; raises ServerError."""
    with translated():
        return connection.execute(query, params).fetchall()


def fetch_sets(connection: Connection, query: Query) -> list[list[tuple[Any, ...]]]:
    """Return the rows of each of several statements, run in one round trip and one transaction; raises ServerError."""
    with translated():
        return [cursor.fetchall() for cursor in connection.execute(query).results()]


def fetch_named(connection: Connection, query: Query, params: Any = None) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the names of the columns, and the rows by name; raises ServerError."""
    with translated():
        cursor = connection.execute(query, params)
        columns = [column.name for column in cursor.description or ()]
        return columns, [dict(zip(columns, row, strict=True)) for row in cursor]


def has_table(connection: Connection, name: str) -> bool:
    """Return whether a table of this qualified name exists; needs no privilege and waits for no lock."""
    return bool(fetch_one(connection, "select to_regclass(%s) is not null", (name,))[0])


def fetch_one(connection: Connection, query: Query, params: Any = None) -> tuple[Any, ...]:
    """Return the single row of a query; raises ServerError."""
    with translated():
        row = connection.execute(query, params).fetchone()
    if row is None:
        raise ChatschemaError("a query that always returns a row returned none", "this is a bug; please report it", code="bug")
    return row


def execute_text(connection: Connection, text: str) -> None:
    """Run a statement that came from a file; its rows are read and dropped. Raises ServerError."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(text.encode())


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit at the end, roll back on any error; raises ServerError also when the commit itself fails."""
    with translated(), connection.transaction():
        yield
