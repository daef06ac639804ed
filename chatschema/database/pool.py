"""Databases of tests: clones of a template, each held by its user through an advisory lock.

A clone that nobody holds is left over from a run that was killed, and the next run drops it.
"""

import re
import secrets
from datetime import UTC, datetime, timedelta

from psycopg import sql

from chatschema import __version__, postgres
from chatschema.database import catalog
from chatschema.database.catalog import drop
from chatschema.errors import ServerError
from chatschema.postgres import Connection

PREFIX = "chatschema_test_"
# The locks are in this database, wherever the clones are needed.
LOCKS_IN = "postgres"
_UNUSED = timedelta(days=7)
# Two integers name an advisory lock: this class, and the name of the database.
_LOCK_CLASS = 0x63686176
_TEMPLATE = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
_USED, _KEPT = "chatschema: template of tests, used ", "chatschema: kept of a failed test of "


def template_name(connection: Connection, contents: list[str]) -> str:
    """Return the name of the template: a hash of its `contents`, the role that builds it, and this version."""
    return PREFIX + catalog.digest("\n".join([__version__, connection.info.user, *contents]))


def clone_name(template: str) -> str:
    """Return a name that no other clone has."""
    return f"{template}_{secrets.token_hex(6)}"


def hold(connection: Connection, name: str) -> bool:
    """Hold the database for this session, until release() or its end; return False if another session holds it."""
    return bool(postgres.fetch_one(connection, "select pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK_CLASS, name))[0])


def release(connection: Connection, name: str) -> None:
    """Let others drop the database."""
    postgres.execute(connection, "select pg_advisory_unlock(%s, hashtext(%s))", (_LOCK_CLASS, name))


def remember(connection: Connection, template: str) -> None:
    """Record that the template is in use today: one that was not for a week is dropped."""
    _comment(connection, template, f"{_USED}{datetime.now(UTC):%Y-%m-%d}")


def keep(connection: Connection, name: str, project: str, run: str) -> None:
    """Mark the database of a failed test of this `run`: a later run of the same `project` drops it."""
    _comment(connection, name, f"{_KEPT}{project}, run {run}")


def sweep(connection: Connection, project: str, run: str | None) -> list[str]:
    """Drop what killed runs left, the databases that earlier runs of the `project` kept, and templates that nobody used for a week.

    `run` is the present one, whose kept databases stay; None drops those of all runs. Return the names.
    `connection` is to the database LOCKS_IN.
    """
    dropped = []
    for name, text in _all(connection):
        is_template = _TEMPLATE.fullmatch(name) is not None
        if text.startswith(_KEPT):
            is_due = text.startswith(f"{_KEPT}{project}, run ") and text != f"{_KEPT}{project}, run {run}"
        else:
            is_due = not is_template or text < f"{_USED}{datetime.now(UTC) - _UNUSED:%Y-%m-%d}"
        # The name of a template that is being built is held under the name that it will have.
        lock = name.removesuffix("_new")
        if is_due and hold(connection, lock):
            try:
                # Another run may have dropped it, and a server process of the killed one may just be ending.
                drop(connection, name)
                dropped.append(name)
            except ServerError:
                pass
            finally:
                release(connection, lock)
    return dropped


def _all(connection: Connection) -> list[tuple[str, str]]:
    """Return the databases of tests that this role may drop, and their comments."""
    query = """
        select datname, coalesce(shobj_description(oid, 'pg_database'), '') from pg_catalog.pg_database
        where starts_with(datname, %s) and pg_has_role(datdba, 'usage') order by datname
    """
    return [(str(name), str(text)) for name, text in postgres.fetch_all(connection, query, (PREFIX,))]


def _comment(connection: Connection, name: str, text: str) -> None:
    query = sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(text))
    postgres.execute(connection, query)
