"""Scratch databases: empty, for the time of one command, and dropped after it; the next command drops those of killed ones.

Everything else on the server stays as it is.
"""

import dataclasses
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from psycopg.conninfo import make_conninfo

from chatschema import postgres
from chatschema.database import catalog, template
from chatschema.database.catalog import Target, ddl, drop, quiet
from chatschema.errors import ChatschemaError, ServerError
from chatschema.postgres import Connection, Say
from chatschema.values import Settings

PREFIX = "chatschema_scratch_"
# Two integers name an advisory lock: this class, and the name of the scratch database, which is alive while it is held.
_LOCK_CLASS = 0x63686175


@contextmanager
def empty(server: Settings, *, like: str | None = None, say: Say | None = None) -> Iterator[Settings]:
    """Yield the settings of an empty database on the `server`, with encoding and locale of the database `like`, if it is named.

    Without `like` it is a copy of template0, in UTF-8 and the locale C. The database is dropped at the end, with all its sessions.
    Those of killed runs are dropped first. `say` gets the name, for whoever looks at the server. Raises ChatschemaError if it
    cannot be created.
    """
    # The locks of the users are in this database, wherever the scratch databases are needed.
    with closing(postgres.connect(server, dbname="postgres")) as maintenance:
        creator = "select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user"
        if not postgres.fetch_one(maintenance, creator)[0]:
            text = f"role {maintenance.info.user} may not create databases"
            raise ChatschemaError(text, "use a role with CREATEDB", code="scratch.no-createdb")
        sweep(maintenance)
        name = PREFIX + secrets.token_hex(8)
        _hold(maintenance, name)
        try:
            _create(maintenance, name, catalog.inspect(maintenance, like) if like else None)
            if say:
                say(f"created the scratch database {name}")
            yield dataclasses.replace(server, conninfo=make_conninfo(server.conninfo, dbname=name), embedded=None)
        finally:
            # Without a connection the next run drops it.
            with suppress(ServerError):
                drop(maintenance, name)


def sweep(connection: Connection) -> list[str]:
    """Drop the scratch databases of runs that were killed, as far as this role may; return their names.

    `connection` is to the database postgres, in which their users hold the locks.
    """
    query = "select datname from pg_catalog.pg_database where starts_with(datname, %s) and pg_has_role(datdba, 'usage')"
    dropped = []
    for (name,) in postgres.fetch_all(connection, query, (PREFIX,)):
        if _hold(connection, name):
            # Another run may sweep at the same time, and a server process of the killed one may just be ending.
            with suppress(ServerError):
                drop(connection, name)
                dropped.append(name)
            postgres.execute(connection, "select pg_advisory_unlock(%s, hashtext(%s))", (_LOCK_CLASS, name))
    return dropped


def _hold(connection: Connection, name: str) -> bool:
    """Mark the database as in use by this session, until it ends; return False if another session uses it."""
    return bool(postgres.fetch_one(connection, "select pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK_CLASS, name))[0])


def _create(connection: Connection, name: str, target: Target | None) -> None:
    if target:
        with quiet(connection):
            template.create(connection, name, target)
        return
    # The locale C goes with every encoding, and no row is sorted.
    ddl(connection, "create database {} template template0 encoding 'UTF8' locale_provider libc locale 'C'", name)
