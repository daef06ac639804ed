"""Damages of rights: who may do, or has shown, too much."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg

from tests.report.damages import Damage, Truth
from tests.support.database import Database


@contextmanager
def open_schema(database: Database) -> Iterator[Truth]:
    database.run("grant create on schema public to public")
    yield Truth("schema public")


@contextmanager
def open_database(database: Database) -> Iterator[Truth]:
    database.run(f"grant create on database {database.name} to public")
    yield Truth(f"database {database.name}")


@contextmanager
def pool_of_superuser(database: Database) -> Iterator[Truth]:
    with ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(closing(psycopg.connect(database.url, application_name="chat-api")))
        yield Truth("(chat-api)", 6)


@contextmanager
def pool_of_owner(database: Database) -> Iterator[Truth]:
    role = f"owner_{database.name}"
    database.run(f"create role {role} login password 'tiger99'; grant create on schema public to {role}")
    try:
        url = database.server.url(database.name, user=role, password="tiger99")
        with ExitStack() as stack:
            pool = [
                stack.enter_context(closing(psycopg.connect(url, application_name="chat-api", autocommit=True))) for _ in range(5)
            ]
            pool[0].execute("create table public.drafts (id integer primary key)")
            yield Truth(f"{role} (chat-api)", 5)
    finally:
        database.run(f"drop owned by {role}; drop role {role}")


@contextmanager
def password_in_text(database: Database) -> Iterator[Truth]:
    """Two of a role, in two spellings, and one of a subscription; what is sent hashed is none."""
    hashed = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g=:aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g="
    role = f"loose_{database.name}"
    database.run("create extension if not exists pg_stat_statements")
    database.run(f"create role {role} login password 'hunter2secret'")
    try:
        database.run(f"Alter  ROLE {role} with Encrypted\nPassword E'hunter3secret'")
        database.run(f"alter role {role} password '{hashed}'")
        database.run(
            "create subscription inward connection 'host=localhost password=hunter4secret' publication outward"
            " with (connect = false, slot_name = none)"
        )
        database.run("drop subscription inward")
        yield Truth(database.server.user, 3)
        kept = "select count(*) from pg_stat_statements as s join pg_database as d on d.oid = s.dbid where s.query ~ 'hunter[0-9]secret'"
        assert database.one(f"{kept} and d.datname = current_database()") == 0
    finally:
        database.run(f"drop role {role}")


DAMAGES = [
    Damage("everybody may create in a schema", "access", "create", open_schema),
    Damage("everybody may create schemas", "access", "create", open_database),
    Damage(
        "an application that is a superuser", "access", "superuser", pool_of_superuser,
        decision="the application has to log in as another role",
    ),
    Damage(
        "an application that owns tables", "access", "owner", pool_of_owner, decision="the application has to log in as another role"
    ),
    Damage("passwords in the text of statements", "passwords", "kept", password_in_text),
]  # fmt: skip
