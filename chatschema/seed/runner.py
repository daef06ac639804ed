"""Running seeders, recording every row they create, and removing exactly those rows."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import sql

from chatschema import audit, postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, Say, door, locks, relation, seeded
from chatschema.seed.files import Seeder, titles
from chatschema.seed.world import World
from chatschema.values import Applied

HISTORY = timedelta(days=90)
_BULK = """
    select 'bulk', format('bulk: %s messages until %s%s', s.messages, s.until,
            case when s.finished_at is null then '; interrupted: give the same command again' else '' end),
        s.finished_at, (select coalesce(sum(m.messages + m.statuses + m.attachments), 0)::bigint from chatschema.bulk_months as m)
    from chatschema.bulk_seed as s
"""
_GONE = "its file is not in the folder of the seeders any more"
_APPEND_ONLY = {"audit_logs": "audit_logs_refuse_change"}


@dataclass(frozen=True, slots=True)
class SeedStatus:
    """A seeder, when it ran, and how many rows it created."""

    name: str
    title: str
    seeded_at: datetime | None
    rows: int


def has_ledger(connection: Connection) -> bool:
    """Return whether the table that records seeders exists."""
    return postgres.has_table(connection, "chatschema.seeds")


def statuses(connection: Connection, folder: Path) -> list[SeedStatus]:
    """Return the status of every seeder, and of a bulk seed if there is one; reads only."""
    query = "select s.name, s.seeded_at, s.row_count from chatschema.seeds as s"
    done = {row[0]: row for row in postgres.fetch_all(connection, query)} if has_ledger(connection) else {}
    known = titles(folder)
    known |= {name: _GONE for name in done if name not in known}
    found = [SeedStatus(name, title, *(done[name][1:] if name in done else (None, 0))) for name, title in known.items()]
    bulk = postgres.fetch_all(connection, _BULK) if seeded.exists(connection) else []
    return found + [SeedStatus(*row) for row in bulk]


def recorded(connection: Connection, folder: Path) -> list[Seeder]:
    """Return the seeders that have run, in the order in which they ran, for undo(): also those whose files are gone."""
    names = postgres.fetch_all(connection, "select s.name from chatschema.seeds as s order by s.seeded_at, s.name")
    known = titles(folder)
    return [Seeder(name, known.get(name, _GONE), (), lambda _: None) for (name,) in names]


def is_due(connection: Connection, seeders: Sequence[Seeder]) -> bool:
    """Return whether one of the seeders has not run."""
    done = {row[0] for row in postgres.fetch_all(connection, "select name from chatschema.seeds")}
    return any(seeder.name not in done for seeder in seeders)


def run(connection: Connection, seeders: Sequence[Seeder], *, rng: int, now: datetime) -> Iterator[tuple[Applied, int]]:
    """Run the seeders that have not run, each in a transaction, yielding each with the number of its rows."""
    done = dict(postgres.fetch_all(connection, "select name, row_count from chatschema.seeds"))
    due = [seeder for seeder in seeders if seeder.name not in done]
    recorded = sum(done.values())
    if due:
        _analyze(connection)
    for seeder in due:
        started = time.monotonic()
        world = World(connection, seeder.name, rng, now)
        with postgres.transaction(connection):
            postgres.execute(connection, "insert into chatschema.seeds (name, rng) values (%s, %s)", (seeder.name, rng))
            audit.as_batch(connection)
            seeder.run(world)
            count = "update chatschema.seeds set row_count = %s where name = %s"
            postgres.execute(connection, count, (world.rows, seeder.name))
            _audit(connection, "seed.run", seeder.name, world.rows)
        recorded += world.rows
        # Of a record that has hardly grown the statistics are good enough, and those of its arrays take long.
        _analyze(connection, sorted(world.filled), has_grown=world.rows > recorded // 10)
        yield Applied(seeder.name, seeder.title, round((time.monotonic() - started) * 1000, 1)), world.rows


def _audit(connection: Connection, action: str, seeder: str, rows: int) -> None:
    """Add the row of the trail that stands for all rows of a seeder, where the trail has triggers that were silent meanwhile."""
    if rows and audit.is_logged(connection, "audit_users"):
        audit.record(connection, action, "seed", seeder, rows=rows)


def _analyze(connection: Connection, tables: Sequence[str] = (), *, has_grown: bool = True) -> None:
    """Refresh the planner's statistics of `tables` of public, and of the record of seeded rows, if it has grown: queries join it.

    With statistics from before the last seeder, the planner expects one row of it and reads the whole record for each of 40,000.
    Autovacuum never analyzes a partitioned parent.
    """
    names = [sql.Identifier("public", table) for table in tables]
    names += [sql.Identifier("chatschema", "seeded_rows")] if has_grown else []
    if names:
        postgres.execute(connection, sql.SQL("analyze {}").format(sql.SQL(", ").join(names)))


def undo(connection: Connection, seeders: Sequence[Seeder], *, wait_s: float, say: Say) -> Iterator[tuple[Applied, int]]:
    """Remove the rows of the seeders, last seeder first, each in a transaction, yielding each with the number of its rows.

    Entries of the audit trail that are sealed stay, and with them the record that their seeder ran. Waits `wait_s` seconds for
    a run that seals. Raises ChatschemaError, before anything is removed, when a row that was not seeded refers to a seeded one.
    """
    if not seeders:
        return
    done = {row[0] for row in postgres.fetch_all(connection, "select name from chatschema.seeds")}
    chosen = [seeder for seeder in reversed(seeders) if seeder.name in done]
    names = [seeder.name for seeder in chosen]
    _analyze(connection)
    tables = """
        select table_name from (select distinct table_name from chatschema.seeded_rows where seed = any (%s)) as t
        where to_regclass('public.' || table_name) is not null
    """
    for (table,) in postgres.fetch_all(connection, tables, (names,)):
        _refuse_references(connection, names, table)
    for seeder in chosen:
        started = time.monotonic()
        # An entry that is found without a seal must not get one before it is removed.
        with locks.seal_lock(connection, wait_s=wait_s, say=say), postgres.transaction(connection):
            locks.limit_lock_wait(connection, locks.DDL)
            if _is_sealed(connection, seeder.name):
                say(f"warning: the audit entries of seeder {seeder.name} are sealed, so they stay")
                continue
            found = postgres.fetch_all(connection, tables, ([seeder.name],))
            for (table,) in found:
                # Once more: another session may have written rows since the first check.
                _refuse_references(connection, names, table)
            audit.as_batch(connection)
            removed = sum(_remove(connection, seeder.name, table) for (table,) in found)
            postgres.execute(connection, "delete from chatschema.seeds where name = %s", (seeder.name,))
            _audit(connection, "seed.undo", seeder.name, removed)
        yield Applied(seeder.name, seeder.title, round((time.monotonic() - started) * 1000, 1)), removed


def _is_sealed(connection: Connection, seed: str) -> bool:
    """Return whether an entry of the audit trail that a seeder created is sealed."""
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        return False
    query = """
        select exists (
            select from chatschema.seeded_rows as s join public.audit_logs as a on a.id = s.key[1]::bigint
            where s.seed = %s and s.table_name = 'audit_logs' and chatschema.audit_seal_of(a.id, a.txid) is not null
        )
    """
    return bool(postgres.fetch_one(connection, query, (seed,))[0])


def _remove(connection: Connection, seed: str, table: str) -> int:
    name, trigger = sql.Identifier("public", table), _APPEND_ONLY.get(table)
    if trigger:
        # No other session sees the table without its trigger: it is disabled and enabled in this transaction.
        postgres.execute(connection, sql.SQL("alter table {} disable trigger {}").format(name, sql.Identifier(trigger)))
    removed = postgres.execute(connection, _removal(connection, seed, table)).rowcount
    if trigger:
        postgres.execute(connection, sql.SQL("alter table {} enable always trigger {}").format(name, sql.Identifier(trigger)))
    return removed


def _removal(connection: Connection, seed: str, table: str) -> sql.Composed:
    name = sql.Identifier("public", table)
    if door.is_distributed(connection):
        # Rows of a table on every node cannot be joined with one of the coordinator.
        condition = sql.SQL("s.seed = {}").format(sql.Literal(seed))
        return sql.SQL("delete from {} as t where {}").format(name, relation.has_entry(connection, table, "t", condition))
    query = sql.SQL("delete from {} as t using chatschema.seeded_rows as s where s.seed = {} and s.table_name = {} and {}")
    return query.format(name, sql.Literal(seed), sql.Literal(table), relation.is_entry(connection, table, "t", "s"))


# References to a table, with both lists of columns: by foreign key (those of partitions belong to their parent), and to
# messages by trigger.
REFERENCES = """
    select n.nspname, t.relname,
        array(select attname from unnest(c.conkey) with ordinality as k (n, i)
            join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.n order by i)::text[],
        array(select attname from unnest(c.confkey) with ordinality as k (n, i)
            join pg_attribute as a on a.attrelid = c.confrelid and a.attnum = k.n order by i)::text[]
    from pg_catalog.pg_constraint as c
    join pg_catalog.pg_class as t on t.oid = c.conrelid
    join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
    where c.contype = 'f' and c.conparentid = 0 and c.confrelid = to_regclass(%(table)s)
    union
    select n.nspname, t.relname,
        array['conversation_id', coalesce(nullif(split_part(encode(g.tgargs, 'escape'), '\\000', 1), ''), 'message_id')],
        array['conversation_id', 'id']
    from pg_catalog.pg_trigger as g
    join pg_catalog.pg_class as t on t.oid = g.tgrelid
    join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
    where g.tgparentid = 0 and n.nspname <> 'chat_partitions' and %(table)s = 'public.messages'
        and g.tgfoid in (to_regproc('chatschema.require_message'), to_regproc('chatschema.require_messages'))
"""


def _refuse_references(connection: Connection, seeds: list[str], table: str) -> None:
    """Raise when rows that `seeds` did not create refer to rows they did: a removal would change or delete those too."""
    for schema, child, columns, targets in postgres.fetch_all(connection, REFERENCES, {"table": f"public.{table}"}):
        pairs = zip(columns, targets, strict=True)
        join = sql.SQL(" and ").join(
            sql.SQL("c.{} = p.{}").format(sql.Identifier(column), sql.Identifier(target)) for column, target in pairs
        )
        own: sql.Composable = sql.SQL("false")
        if schema == "public" and relation.primary_key(connection, child):
            own = relation.has_entry(connection, child, "c", sql.SQL("s.seed = any ({})").format(sql.Literal(seeds)))
        count = sql.SQL("""
            select count(*) from {child} as c join {parent} as p on {join}
            join chatschema.seeded_rows as s on s.seed = any ({seeds}) and s.table_name = {table} and {match}
            where not {own}
        """).format(
            child=sql.Identifier(schema, child), parent=sql.Identifier("public", table), join=join, own=own,
            seeds=sql.Literal(seeds), table=sql.Literal(table), match=relation.is_entry(connection, table, "p", "s"),
        )  # fmt: skip
        if others := postgres.fetch_one(connection, count)[0]:
            raise ChatschemaError(
                f"{others} rows of {child} that were not seeded refer to seeded {table}; no row of {table} was removed",
                f"remove those rows first (by their {', '.join(columns)}), or start over: chatschema reset",
                code="seed.referenced",
            )
