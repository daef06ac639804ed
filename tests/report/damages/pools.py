"""Damages of pools: logins of the application without limits of time."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.report.damages import Damage, Truth
from tests.support.database import Database


@contextmanager
def login(database: Database, kind: str, limits: str) -> Iterator[str]:
    """A login of the application in this database, with these limits; its name."""
    name = f"{kind}_of_{database.name}"
    group = f"{database.name}_{kind}"
    database.run(f"create role {group} nologin; grant select, insert on public.message_statuses to {group}")
    database.run(f"create role {name} login password 'tiger99'; grant {group} to {name}; {limits.format(name)}")
    try:
        yield name
    finally:
        database.run(f"drop owned by {group}; drop role {name}; drop role {group}")


@contextmanager
def endless_statement(database: Database) -> Iterator[Truth]:
    limit = "alter role {0} set idle_in_transaction_session_timeout = '15s'; alter role {0} set statement_timeout = 0"
    with login(database, "app", limit) as name:
        yield Truth(name, says="statement_timeout")


@contextmanager
def endless_transaction(database: Database) -> Iterator[Truth]:
    """The limit of another database counts for nothing here."""
    limit = "alter role {0} in database postgres set idle_in_transaction_session_timeout = '15s'; alter role {0} set statement_timeout = '1min'"
    with login(database, "worker", limit) as name:
        yield Truth(name, says="idle_in_transaction_session_timeout")


DAMAGES = [
    Damage("a login without a limit for statements", "pool", "statement", endless_statement),
    Damage("a login without a limit for idle transactions", "pool", "idle", endless_transaction),
]
