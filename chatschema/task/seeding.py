"""Seeding: creating the past months that the demo needs, running the seeders, and removing exactly the rows they created."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from chatschema import hold, protection, tables
from chatschema.database import contents
from chatschema.errors import ChatschemaError
from chatschema.partition import catalog, create, grid
from chatschema.postgres import Connection, Say, locks
from chatschema.seed import demo_keys, files, runner
from chatschema.seed.bulk import keys_file
from chatschema.seed.files import Seeder
from chatschema.task import bulk_undo
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings


@dataclass(frozen=True, slots=True)
class Seeded:
    """A seeder that ran: its name, the rows that it created, and how long it took."""

    name: str
    rows: int
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Unseeded:
    """A seeder whose rows were removed, and their number."""

    name: str
    rows: int


def choose(settings: Settings, names: Sequence[str] = ()) -> list[Seeder]:
    """Return the named seeders and those they need, all if none is named. Raises UsageError for an unknown name."""
    return files.choose(files.discover(settings.seeds_dir), names)


def seed(
    settings: Settings,
    connection: Connection,
    seeders: Sequence[Seeder],
    *,
    rng: int = 0,
    into_used: bool = False,
    lock_wait_s: float = LOCK_WAIT_S,
    say: Say,
) -> Generator[Seeded, None, None]:
    """Run the seeders, as choose() returns them; yield each once it is committed.

    Seeders that have run are skipped. Raises Protected, and ChatschemaError where the tables are missing or have rows that no
    seeder created, unless `into_used`.
    """
    contents.refuse_foreign(connection, "seed")
    refuse_unmigrated(connection)
    seeded = set()
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        # Under the lock, which `protect` takes too: the database may have become protected during the wait.
        protection.refuse(connection, settings, "seed")
        if not into_used and runner.is_due(connection, seeders):
            refuse_used(connection)
        _make_past_months(settings, connection, say)
        now = catalog.server_now(connection).replace(microsecond=0)
        for done, rows in runner.run(connection, seeders, rng=rng, now=now):
            seeded.add(done.id)
            yield Seeded(done.id, rows, done.duration_ms)
    if "user_public_keys" in seeded:
        path = demo_keys.write(connection, settings.state_dir, rng)
        say(f"private keys of the demo users: {path.parent.name}/{path.name} (to read a message: docs/how-to/demo-data.md)")


def refuse_used(connection: Connection) -> None:
    """Raise where demo data would be mixed with rows that no seeder created."""
    if table := contents.has_others(connection):
        raise ChatschemaError(
            f"table {table} of database {connection.info.dbname} has rows that no seeder created; nothing was seeded",
            "seed an empty database; or, to add demo data to these rows: chatschema seed --into-used",
            code="seed.used",
        )


def refuse_unmigrated(connection: Connection) -> None:
    """Raise where one of the nine tables is missing."""
    if missing := tables.missing(connection):
        text = f"table {missing[0]} does not exist; nothing was seeded"
        raise ChatschemaError(text, "first: chatschema migrate", code="seed.not-migrated")


def _make_past_months(settings: Settings, connection: Connection, say: Say) -> None:
    parents = catalog.parents(connection)
    plan = create.missing(connection, parents, since=runner.HISTORY, ahead=settings.policy.ahead)
    for month in create.ensure(connection, plan, say=say):
        if month.parent == grid.GROUP[0].table:
            say(f"created the month {month.lower:%Y-%m} for the demo's older messages")


def unseed(
    settings: Settings, connection: Connection, names: Sequence[str] = (), *, lock_wait_s: float = LOCK_WAIT_S, say: Say
) -> Generator[Unseeded, None, None]:
    """Remove the rows of the named seeders and of those that need them; of all, and a bulk seed, if none is named.

    Yield each once committed.

    Sealed entries of the audit trail stay.
    Raises Protected, UsageError for an unknown name, and ChatschemaError where a row that was not seeded refers to a seeded one.
    """
    contents.refuse_foreign(connection, "seed --undo")
    # To remove all, no file is read: what ran is recorded, and a file may be gone or broken meanwhile.
    seeders = files.choose(files.discover(settings.seeds_dir), names, dependents=True) if names else []
    has_ledger = runner.has_ledger(connection)
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        protection.refuse(connection, settings, "seed --undo")
        hold.refuse_active(connection, "seed --undo")
        if not names:
            for name, rows in bulk_undo.remove(connection, wait_s=lock_wait_s, say=say):
                yield Unseeded(f"bulk {name}", rows)
                if name == bulk_undo.LAST:
                    (settings.state_dir / keys_file.FILE).unlink(missing_ok=True)
        if not names and has_ledger:
            seeders = runner.recorded(connection, settings.seeds_dir)
        for done, rows in runner.undo(connection, seeders if has_ledger else [], wait_s=lock_wait_s, say=say):
            yield Unseeded(done.id, rows)
            if done.id == "user_public_keys":
                (settings.state_dir / demo_keys.FILE).unlink(missing_ok=True)
