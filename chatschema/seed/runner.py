"""Running seeders, remembering every row they made, and taking exactly those away."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import sql

from chatschema import locks, postgres
from chatschema.errors import ChatschemaError
from chatschema.models import Applied, SeedStatus
from chatschema.postgres import Connection
from chatschema.seed.files import Seeder, discover
from chatschema.seed.world import World, primary_key

HISTORY = timedelta(days=90)
_APPEND_ONLY = {"audit_logs": "audit_logs_refuse_change"}


def statuses(connection: Connection, folder: Path) -> list[SeedStatus]:
    """Return what every seeder left in the database; reads only."""
    has_ledger = postgres.fetch_one(connection, "select to_regclass('chatschema.seeds') is not null")[0]
    query = "select s.name, s.seeded_at, s.row_count from chatschema.seeds as s"
    done = {row[0]: row for row in postgres.fetch_all(connection, query)} if has_ledger else {}
    return [
        SeedStatus(seeder.name, seeder.title, *(done[seeder.name][1:] if seeder.name in done else (None, 0)))
        for seeder in discover(folder)
    ]


def run(connection: Connection, seeders: Sequence[Seeder], *, rng: int, now: datetime) -> Iterator[tuple[Applied, int]]:
    """Run the seeders that have not run, each in a transaction, yielding what was done and how many rows it made."""
    done = {row[0] for row in postgres.fetch_all(connection, "select name from chatschema.seeds")}
    for seeder in seeders:
        if seeder.name in done:
            continue
        started = time.monotonic()
        world = World(connection, seeder.name, rng, now)
        with postgres.transaction(connection):
            postgres.execute(connection, "insert into chatschema.seeds (name, rng) values (%s, %s)", (seeder.name, rng))
            seeder.run(world)
            count = "update chatschema.seeds set row_count = %s where name = %s"
            postgres.execute(connection, count, (world.rows, seeder.name))
        yield Applied(seeder.name, seeder.title, round((time.monotonic() - started) * 1000, 1)), world.rows


def undo(connection: Connection, seeders: Sequence[Seeder]) -> Iterator[tuple[Applied, int]]:
    """Remove what the seeders made, last first, each in a transaction, yielding what was removed.

    Raises ChatschemaError when a row of somebody else refers to a seeded one; that seeder's rows then stay.
    """
    done = {row[0] for row in postgres.fetch_all(connection, "select name from chatschema.seeds")}
    for seeder in reversed(seeders):
        if seeder.name not in done:
            continue
        started = time.monotonic()
        with postgres.transaction(connection):
            locks.limit_lock_wait(connection)
            query = "select distinct table_name from chatschema.seeded_rows where seed = %s"
            removed = sum(_remove(connection, seeder.name, row[0]) for row in postgres.fetch_all(connection, query, (seeder.name,)))
            postgres.execute(connection, "delete from chatschema.seeds where name = %s", (seeder.name,))
        yield Applied(seeder.name, seeder.title, round((time.monotonic() - started) * 1000, 1)), removed


def _remove(connection: Connection, seed: str, table: str) -> int:
    _refuse_references(connection, seed, table)
    name, trigger = sql.Identifier("public", table), _APPEND_ONLY.get(table)
    if trigger:
        # Nobody else sees the table without its guard: the change and its end are in this transaction.
        postgres.execute(connection, sql.SQL("alter table {} disable trigger {}").format(name, sql.Identifier(trigger)))
    query = sql.SQL("delete from {} as t using chatschema.seeded_rows as s where s.seed = {} and s.table_name = {} and {}")
    match = _matches(connection, table, "t", "s")
    removed = postgres.execute(connection, query.format(name, sql.Literal(seed), sql.Literal(table), match)).rowcount
    if trigger:
        postgres.execute(connection, sql.SQL("alter table {} enable always trigger {}").format(name, sql.Identifier(trigger)))
    return removed


def _refuse_references(connection: Connection, seed: str, table: str) -> None:
    """Raise when rows that were not seeded refer to seeded ones: removing these would change or remove those."""
    query = """
        select c.conrelid::regclass::text, n.relname, a.attname
        from pg_catalog.pg_constraint as c
        join pg_catalog.pg_class as n on n.oid = c.conrelid
        join pg_catalog.pg_attribute as id on id.attrelid = c.confrelid and id.attname = 'id'
        join pg_catalog.pg_attribute as a
            on a.attrelid = c.conrelid and a.attnum = c.conkey[array_position(c.confkey, id.attnum)]
        where c.contype = 'f' and c.conparentid = 0 and c.confrelid = to_regclass(%s)
    """
    for _, child, column in postgres.fetch_all(connection, query, (f"public.{table}",)):
        count = sql.SQL("""
            select count(*) from {child} as c
            join chatschema.seeded_rows as s on s.seed = {seed} and s.table_name = {table} and c.{column} = s.key[1]::uuid
            where not exists (select from chatschema.seeded_rows as own where own.table_name = {child_name} and {match})
        """).format(
            child=sql.Identifier("public", child), seed=sql.Literal(seed), table=sql.Literal(table),
            column=sql.Identifier(column), child_name=sql.Literal(child), match=_matches(connection, child, "c", "own"),
        )  # fmt: skip
        if others := postgres.fetch_one(connection, count)[0]:
            raise ChatschemaError(
                f"{others} rows of {child} that were not seeded refer to seeded {table}; these stay",
                f"remove those rows first (their {column} is a seeded one), or start anew: chatschema reset",
            )


def _matches(connection: Connection, table: str, row: str, tracked: str) -> sql.Composable:
    """Return the condition that `tracked` is the entry of `row`, written so that both sides can use their index."""
    parts = [
        sql.SQL("{}.{} = ({}.key)[{}]::{}").format(
            sql.Identifier(row),
            sql.Identifier(column),
            sql.Identifier(tracked),
            sql.Literal(position),
            sql.SQL(kind),
        )
        for position, (column, kind) in enumerate(primary_key(connection, table).items(), 1)
    ]
    return sql.SQL(" and ").join(parts)
