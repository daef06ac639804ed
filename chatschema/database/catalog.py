"""The databases of a server, and statements on a single one."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.postgres import Connection, Say
from chatschema.values import Settings


@dataclass(frozen=True, slots=True)
class Locale:
    """The properties that a database cannot change later: encoding, collation, ctype, provider (c, i, b) and its locale."""

    encoding: str
    collate: str
    ctype: str
    provider: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """The database to reset. `locale` is its own, or that of a new one; `may_create`: whether this role may create databases."""

    name: str
    exists: bool
    can_clone: bool
    may_create: bool
    locale: Locale

    @property
    def clone(self) -> str:
        """The name under which its successor is created."""
        return f"chatschema_reset_{digest(self.name)}"

    @property
    def old(self) -> str:
        """The name under which it waits to be dropped."""
        return f"chatschema_old_{digest(self.name)}"


def digest(text: str) -> str:
    """Return a short name for a long text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def maintenance(settings: Settings, name: str, *, wait_s: float = 0, say: Say | None = None) -> Connection:
    """Return a connection to a database of the same server that is not `name`, the one to be dropped."""
    other = "template1" if name == "postgres" else "postgres"
    return postgres.connect(settings, dbname=other, wait_s=wait_s, say=say)


def inspect(connection: Connection, name: str) -> Target:
    """Return the database of this name, if it exists, and whether this role may drop and create it."""
    # The clone is created by this role and given to the owner, which from 16 on takes the right to set that role.
    owner = """
        select pg_catalog.pg_has_role(datdba, 'usage') and pg_catalog.pg_has_role(datdba, %s)
        from pg_catalog.pg_database where datname = %s
    """
    give = "set" if connection.info.server_version >= 160000 else "member"
    row = postgres.execute(connection, owner, (give, name)).fetchone()
    creator = "select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user"
    may_create = bool(postgres.fetch_one(connection, creator)[0])
    own = locale(connection, name if row else "template1")
    return Target(name, row is not None, may_create and (row is None or row[0]), may_create, own)


def locale(connection: Connection, name: str) -> Locale:
    """Return the properties that the database cannot change."""
    # The provider's locale is daticulocale on 15 and 16, datlocale from 17 on.
    query = """
        select pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider::text,
            coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
        from pg_catalog.pg_database as d where datname = %s
    """
    return Locale(*postgres.fetch_one(connection, query, (name,)))


def exists(connection: Connection, name: str) -> bool:
    """Return whether there is a database of this name."""
    query = "select exists (select from pg_catalog.pg_database where datname = %s)"
    return bool(postgres.fetch_one(connection, query, (name,))[0])


def drop(connection: Connection, name: str) -> None:
    """Drop a database if it exists, ending its sessions."""
    try:
        ddl(connection, "drop database if exists {} with (force)", name)
    except ServerError as error:
        if error.sqlstate != "42501":
            raise
        # With FORCE the server counts an autovacuum worker among the sessions that a plain role may not end; without, it ends the
        # worker by itself.
        ddl(connection, "drop database if exists {}", name)


def ddl(connection: Connection, template: LiteralString, *names: str) -> None:
    """Run a statement, with the names in place of its {}."""
    with quiet(connection):
        postgres.execute(connection, sql.SQL(template).format(*(sql.Identifier(name) for name in names)))


@contextmanager
def quiet(connection: Connection) -> Iterator[None]:
    """Suppress the notice that an object to be dropped does not exist."""
    postgres.execute(connection, "set client_min_messages = warning")
    try:
        yield
    finally:
        if not connection.closed:
            postgres.execute(connection, "set client_min_messages = notice")
