"""Sealed audit trails: entries in known seals, an anchor, and what somebody does who owns the tables."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256

from psycopg import sql

from chatschema import postgres
from chatschema.audit import anchor, keys, ledger, rules, seal, tree, verify
from chatschema.audit.anchor import Anchor
from chatschema.audit.findings import Verified
from chatschema.postgres import Connection
from tests.support.database import Database

KEY = keys.PrivateKey("test.example", bytes(range(32)))
GUARDS = "public.audit_logs", "chatschema.audit_seals", "chatschema.audit_epochs"
_ADD = """
    insert into public.audit_logs (user_id, action, resource_type, resource_id, ip_address, user_agent, session_id, request_id, details)
    select gen_random_uuid(), 'a' || i, 'thing', i::text, '10.0.0.1', 'Ünïcode ' || i, gen_random_uuid(), 'r' || i,
        jsonb_build_object('i', i, 'text', 'ß')
    from generate_series({}, {}) as i
"""


def connected(database: Database, *, writes: bool = True) -> "closing[Connection]":
    """Return a connection as the commands open it."""
    return closing(postgres.connect(database.url, writes=writes))


def add(database: Database, first: int, last: int) -> None:
    """Add entries with these ids, in one transaction."""
    database.run(_ADD.format(first, last))


def seal_all(database: Database) -> list[int]:
    """Seal what has no seal, and return the numbers."""
    with connected(database) as connection:
        return [one.number for one in seal.seal(connection, wait_s=5)]


def fill(database: Database) -> str:
    """Make four seals of ten entries each, of two transactions, and two entries without a seal; return an anchor for all four."""
    for first in range(1, 41, 5):
        add(database, first, first + 4)
        if first % 10 == 6:
            assert seal_all(database) == [first // 10 + 1]
    text = anchored(database)
    add(database, 41, 42)
    return text


def fill_more(database: Database) -> None:
    """Make three seals of what is there and twenty more entries, each of one or two transactions."""
    seal_all(database)
    for first in (11, 21):
        add(database, first, first + 9)
        seal_all(database)


def anchored(database: Database) -> str:
    """Return an anchor for all seals, signed with KEY."""
    with connected(database) as connection:
        return anchor.make(connection, KEY)[0]


def parsed(text: str) -> Anchor:
    """Return the anchor in a text."""
    return anchor.parse(text, KEY.public())


def verified(database: Database, text: str | None = None, *, quick: bool = False) -> Verified:
    """Verify, with the anchor in a text."""
    with connected(database, writes=False) as connection:
        return verify.verify(connection, parsed(text) if text else None, quick=quick)


@contextmanager
def unguarded(database: Database, role: str | None) -> Iterator[Connection]:
    """Yield a connection of the owner of the tables, in a transaction in which their triggers are off."""
    with connected(database) as connection:
        if role:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        with connection.transaction():
            for table in GUARDS:
                # Of a superuser also those of foreign keys.
                which = "user" if role else "all"
                connection.execute(f"alter table {table} disable trigger {which}".encode())
            yield connection
            for table in GUARDS:
                connection.execute(f"alter table {table} enable trigger {'user' if role else 'all'}".encode())
                for (statement,) in connection.execute(
                    "select format('alter table %s enable always trigger %I', tgrelid::regclass, tgname) from pg_trigger"
                    f" where tgrelid = '{table}'::regclass and tgname like '%refuse%'".encode()
                ).fetchall():
                    connection.execute(statement.encode())


def recompute(connection: Connection, first: int, last: int | None = None) -> None:
    """Compute the seals from `first` on, or up to `last`, from the entries that are there now, as an attacker with our code would."""
    epochs, seals = ledger.epochs(connection), list(ledger.seals(connection))
    for one in seals[first - 1 : last]:
        content = seal._read(connection, rules.of_seal(epochs, one))
        before = ledger.seals(connection, one.number - 2)
        previous = next(before).record_hash if one.number > 1 else tree.EMPTY
        made = replace(
            one, row_count=content.rows, first_id=content.first_id, last_id=content.last_id, root=content.root,
            locator_digest=sha256(content.locator).digest(), previous=previous,
        )  # fmt: skip
        connection.execute(
            "update chatschema.audit_seals set row_count = %s, first_id = %s, last_id = %s, root = %s, locator = %s, locator_digest = %s,"
            " previous = %s, record_hash = %s where number = %s",
            (made.row_count, made.first_id, made.last_id, made.root, content.locator, made.locator_digest, made.previous,
             made.hash(epochs[one.epoch - 1].digest()), made.number),
        )  # fmt: skip
