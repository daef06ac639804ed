"""The database of the access tests: owned by chat_owner, with the roles applied, real logins, and rows of everybody."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support import PASSWORD
from tests.support.cli import run_cli
from tests.support.database import Database
from tests.support.servers import PgServer

# Letters are users: member, x (another member), later, moderator d, another moderator e, admins a and b, past, stranger s and y of
# another conversation, suspended u, and n who takes part nowhere.
PEOPLE = "mxldeabpsyun"
LOGINS = {"api": "app", "queue": "worker", "reader": "readonly", "auditor": "auditor", "officer": "privacy"}


def user(letter: str) -> str:
    """Return the id of a user."""
    return f"00000000-0000-7000-8000-0000000000{PEOPLE.index(letter) + 16:02x}"


def id_of(kind: int, letter: str) -> str:
    """Return the id of a row of a user: the kind tells which."""
    return f"00000000-0000-7000-8000-00000000{kind:02x}{PEOPLE.index(letter) + 16:02x}"


GROUP, FOREIGN, DIRECT, EMPTY = (f"00000000-0000-7000-8000-0000000f00{number:02x}" for number in (1, 2, 3, 4))
SESSION, KEY, ENDED_KEY, ONE_TIME_KEY, FILE, UNSENT_FILE, BAD_FILE = range(1, 8)
OLD, DELETED = "old", "deleted"


@dataclass(frozen=True, eq=False)
class World:
    """The database, the month of its messages, and the ids of the messages: by sender, `old` and `deleted`."""

    database: Database
    month: str
    messages: dict[str, str]

    def connect(self, login: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Return a connection of a real login, in autocommit."""
        return psycopg.connect(self.database.server.url(self.database.name, user=login, password=PASSWORD), autocommit=True)


def create_roles(server: PgServer) -> None:
    """Create the login that sets up, as a DBA without superuser would, and those of the application."""
    with server.connect("postgres") as admin:
        for statement in (
            f"create role setup login createrole password '{PASSWORD}'",
            "create role chat_owner nologin",
            "grant chat_owner to setup with admin option",
            *(f"create role {login} login password '{PASSWORD}'" for login in LOGINS),
        ):
            # Roles are of the cluster: another test of this server has created them.
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                admin.execute(statement.encode())


@contextlib.contextmanager
def dropped(server: PgServer, prefix: str) -> Iterator[None]:
    """Drop the roles of a prefix afterwards, with all that they have: they are of the cluster, and outlive a database."""
    yield
    with server.connect("postgres") as admin:
        databases = admin.execute("select datname from pg_database where datallowconn and datname <> 'template0'").fetchall()
        found = admin.execute("select rolname from pg_roles where starts_with(rolname, %s)", (f"{prefix}_",)).fetchall()
        names = ", ".join(str(row[0]) for row in found)
        for (name,) in databases if names else ():
            # Databases of other tests come and go.
            with contextlib.suppress(psycopg.OperationalError), server.connect(str(name)) as connection:
                connection.execute(f"reassign owned by {names} to current_user".encode())
                connection.execute(f"drop owned by {names}".encode())
        if names:
            admin.execute(f"drop role {names}".encode())


@contextlib.contextmanager
def created(server: PgServer, name: str, folder: Path) -> Iterator[World]:
    """Yield a migrated database with the roles, and the rows of everybody."""
    create_roles(server)
    with server.connect("postgres") as admin:
        admin.execute(f"create database {name} owner chat_owner".encode())
        admin.execute(f"alter role setup in database {name} set role = chat_owner".encode())
    database = Database(server, name)
    url = server.url(name, user="setup", password=PASSWORD)
    try:
        for command in (["migrate"], ["roles", "apply"]):
            done = run_cli(*command, "--url", url, cwd=folder)
            assert done.code == 0, done.err
        with server.connect(name) as admin:
            for login, group in LOGINS.items():
                admin.execute(f"grant chat_{group} to {login}".encode())
        yield World(database, *_fill(database))
    finally:
        with server.connect("postgres") as admin:
            admin.execute(f"drop database if exists {name} with (force)".encode())


def _fill(database: Database) -> tuple[str, dict[str, str]]:
    hash = "$2b$12$" + "a" * 53
    with database.connect() as connection, connection.transaction():
        run = connection.execute
        for letter in PEOPLE:
            run(
                "insert into users (id, username, email, password_hash, account_state) values (%s, %s, %s, %s, %s)",
                (user(letter), f"user-{letter}", f"{letter}@example.org", hash, "suspended" if letter == "u" else "active"),
            )
            run(
                "insert into auth_sessions (id, user_id, refresh_token_hash) values (%s, %s, %s)",
                (id_of(SESSION, letter), user(letter), hash),
            )
            for kind, key_type, status in (
                (KEY, "identity", "active"),
                (ENDED_KEY, "identity", "superseded"),
                (ONE_TIME_KEY, "one_time_prekey", "active"),
            ):
                run(
                    "insert into user_public_keys (id, user_id, device_id, key_type, key_id, public_key, status, superseded_at)"
                    " values (%s, %s, %s, %s, %s, decode(repeat('00', 32), 'hex'), %s, case %s when 'superseded' then now() end)",
                    (id_of(kind, letter), user(letter), user(letter), key_type, id_of(kind, letter), status, status),
                )
        for id, type_of, founder, other in (
            (GROUP, "group", "a", None),
            (FOREIGN, "group", "s", None),
            (DIRECT, "direct", "x", "y"),
            (EMPTY, "group", None, None),
        ):
            pair = sorted((user(founder), user(other))) if founder and other else (None, None)
            run(
                "insert into conversations (id, type, created_by, direct_user_low, direct_user_high, created_at)"
                " values (%s, %s, %s, %s, %s, now() - interval '10 minutes')", (id, type_of, user(founder) if founder else None, *pair),
            )  # fmt: skip
        roles = {"a": "admin", "b": "admin", "d": "moderator", "e": "moderator", "s": "admin"}
        places = [(GROUP, letter) for letter in "mxldeabpu"] + [(FOREIGN, "s"), (FOREIGN, "y"), (DIRECT, "x"), (DIRECT, "y")]
        for conversation, letter in places:
            run(
                "insert into conversation_participants (conversation_id, user_id, role, joined_at, left_at, encrypted_key, key_algorithm, key_version)"
                " values (%s, %s, %s, now() - %s * interval '1 minute', case when %s then now() end, '\\x00', 'box', 1)",
                (
                    conversation,
                    user(letter),
                    roles.get(letter, "member") if conversation != DIRECT else "member",
                    2 if letter == "l" else 10,
                    letter == "p",
                ),
            )
        messages = _messages(connection)
        run(
            "insert into audit_logs (user_id, action, ip_address, details) values (%s, 'user.login', '192.0.2.1', '{\"secret\": true}')",
            (user("m"),),
        )
        row = run("select tableoid::regclass::text from messages where id = %s", (messages["m"],)).fetchone()
        assert row
    return str(row[0]), messages


def _messages(connection: "psycopg.Connection[tuple[object, ...]]") -> dict[str, str]:
    """Add messages with their statuses and files; return their ids."""
    messages = {}
    minutes = {OLD: 5, DELETED: 1}
    names = (*"mxldeabpsyu", *(f"{letter}2" for letter in "mxldeabpsyu"), OLD, DELETED)
    for name in names:
        sender = {OLD: "x", DELETED: "m"}.get(name, name[0])
        conversation = FOREIGN if sender in "sy" else GROUP
        row = connection.execute(
            "insert into messages (id, conversation_id, sender_id, content_encrypted, edit_history, is_deleted, deleted_at, created_at)"
            " select chatschema.uuid7(t), %s, %s, case when not %s then '\\x01'::bytea end, case when %s then '[]' else '[\"aa\"]' end::jsonb,"
            " %s, case when %s then now() end, t from (select clock_timestamp() - %s * interval '1 minute') as s (t) returning id::text",
            (conversation, user(sender), *[name == DELETED] * 4, minutes.get(name, 1)),
        ).fetchone()
        assert row
        messages[name] = str(row[0])
    for name, message in messages.items():
        if name.endswith("2"):
            continue
        readers = "y" if name in "sy" else "xmldeabpu" if name == "x" else "x"
        for letter in readers:
            connection.execute(
                "insert into message_statuses (message_id, user_id, status, reactions) values (%s, %s, 'read', '{liked}')",
                (message, user(letter)),
            )
        if len(name) == 1:
            _file(connection, FILE, name, message, "ready")
            _file(connection, UNSENT_FILE, name, None, "pending")
            _file(connection, BAD_FILE, name, None, "quarantined")
    connection.execute(
        "insert into attachments (id, message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        " values (%s, %s, %s, 'old', 1, sha256('old'), 'box')", (id_of(FILE, "n"), messages[OLD], user("x")),
    )  # fmt: skip
    return messages


def _file(connection: "psycopg.Connection[tuple[object, ...]]", kind: int, letter: str, message: str | None, state: str) -> None:
    connection.execute(
        "insert into attachments (id, message_id, conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm, state, created_at)"
        " values (%s, %s, %s, %s, %s, 1, sha256('x'), 'box', %s, now() - interval '1 minute')",
        (id_of(kind, letter), message, FOREIGN if letter in "sy" else GROUP, user(letter), f"{kind}{letter}", state),
    )
