"""Damages of objects that stay when the session ends: indexes, tables, sequences."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from conftest import Database

from damages import Damage, Truth


@contextmanager
def invalid_index(database: Database) -> Iterator[Truth]:
    """A concurrent build that failed, as two rows are the same; one of them is deleted then."""
    database.run("create table public.labels (name text)")
    database.run("insert into public.labels values ('once'), ('twice'), ('twice')")
    try:
        database.run("create unique index concurrently labels_name_key on public.labels (name)")
    except psycopg.errors.UniqueViolation:
        database.run("delete from public.labels where ctid = (select max(ctid) from public.labels)")
        yield Truth("public.labels_name_key")
    else:
        raise AssertionError("two labels are the same, so the index must have failed")


@contextmanager
def missing_index(database: Database) -> Iterator[Truth]:
    database.run("create table public.reactions (id integer primary key, user_id uuid references public.users (id), emoji text)")
    database.run("insert into public.reactions select i, null, 'x' from generate_series(1, 12000) as i")
    database.run("analyze public.reactions")
    yield Truth("public.reactions.reactions_user_id_fkey", 12000)


@contextmanager
def worn_out_sequence(database: Database) -> Iterator[Truth]:
    database.run("create sequence public.ticket_seq as integer")
    database.run("select setval('public.ticket_seq', 2040109465)")
    yield Truth("public.ticket_seq", 2040109465 / 2147483647 * 100, within=0.01)


DAMAGES = [
    Damage("an index whose build failed", "indexes", "invalid", invalid_index),
    Damage("a foreign key without an index", "indexes", "missing", missing_index),
    Damage("a sequence near its end", "sequences", "used", worn_out_sequence),
]
