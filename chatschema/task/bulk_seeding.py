"""Bulk seeding: a demo of any size, in months that are filled before they are attached, by several connections at once."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from datetime import date

from chatschema import assets, protection
from chatschema.database import contents
from chatschema.errors import ChatschemaError, UsageError
from chatschema.partition import catalog
from chatschema.postgres import Connection, Say, door, locks
from chatschema.seed.bulk import checksum as rows_checksum
from chatschema.seed.bulk import keys_file, ledger, plan, shape
from chatschema.seed.bulk.plan import Size
from chatschema.seed.bulk.shape import Profile
from chatschema.task import bulk_run, seeding
from chatschema.task.bulk_run import Watch
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings

WORKERS, MONTHS = 2, 12


@dataclass(frozen=True, slots=True)
class BulkMonth:
    """A month of the seed, and how its rows got there: created, replaced or inserted."""

    month: str
    path: str
    messages: int
    statuses: int
    attachments: int


@dataclass(frozen=True, slots=True)
class BulkWork:
    """A kind of work, and how long all connections together were at it."""

    name: str
    duration_ms: float


@dataclass(frozen=True, slots=True)
class BulkSeeded:
    """A complete bulk seed: its arguments and months, whether this run stored any of it, how long the run took and with what."""

    messages: int
    users: int
    conversations: int
    months: list[BulkMonth]
    until: date
    rng: int
    profile: str
    is_new: bool
    duration_ms: float
    work: list[BulkWork]


def size(
    connection: Connection,
    messages: int | None,
    *,
    users: int | None = None,
    conversations: int | None = None,
    months: int | None = None,
    until: date | None = None,
    rng: int = 0,
    profile: Profile | None = None,
) -> Size:
    """Return the size of a seed with these arguments; what is None is in the profile, or computed from the number of messages.

    Without `until`, it is that of the seed that was begun, or today. Raises UsageError for a number out of range, for a day in
    the future, and where numpy is not installed.
    """
    if importlib.util.find_spec("numpy") is None:
        text = "seed --messages needs numpy, which is not installed"
        raise UsageError(text, "pip install 'chatschema[bulk]'", code="seed.numpy")
    today = catalog.server_now(connection).date()
    recorded = ledger.read(connection)
    chosen = until or (recorded.size.until if recorded else today)
    if chosen > today:
        text = f"--until {chosen} is in the future: by the server's clock, today is {today}"
        raise UsageError(text, "use a day of the past, or today", code="seed.bulk-size")
    used = profile or Profile()
    sizes = {
        name: used.sizes.get(name) if value is None else value
        for name, value in (("messages", messages), ("users", users), ("conversations", conversations), ("months", months))
    }
    if used.shape.sizes and conversations is None and sizes["messages"]:
        sizes["conversations"] = _as_many_as_fit(used, sizes["messages"])
    if sizes["messages"] is None:
        raise UsageError(f"profile {used.name} has no number of messages", "add --messages N", code="seed.bulk-size")
    return plan.size(sizes["messages"], sizes["users"], sizes["conversations"], sizes["months"] or MONTHS, chosen, rng, used)


def _as_many_as_fit(used: Profile, messages: int) -> int | None:
    """Return so many conversations that each has as many messages as the profile says."""
    conversations, of = used.sizes.get("conversations"), used.sizes.get("messages")
    return max(round(conversations * messages / of), 1) if conversations and of else conversations


def profile(settings: Settings, name: str | None) -> Profile:
    """Return the profile of this name, of the folder of the seeders or of chatschema itself; without a name, the demo's.

    Raises UsageError.
    """
    return shape.find(name, [settings.seeds_dir, assets.seeds_dir()]) if name else Profile()


def seed(
    settings: Settings,
    connection: Connection,
    wanted: Size,
    *,
    into_used: bool = False,
    workers: int = WORKERS,
    lock_wait_s: float = LOCK_WAIT_S,
    say: Say,
    watch: Watch = lambda *_: None,
) -> BulkSeeded:
    """Store what is missing of a seed, with `workers` connections, and return the whole of it.

    `watch` is called by several threads. Raises Protected, and ChatschemaError where the tables are missing, the database has
    another bulk seed, or rows that no seeder created, unless `into_used`.
    """
    started = time.monotonic()
    contents.refuse_foreign(connection, "seed")
    door.refuse(connection, "seed --messages")
    seeding.refuse_unmigrated(connection)
    if not ledger.exists(connection):
        raise ChatschemaError("table chatschema.bulk_seed does not exist", "first: chatschema migrate", code="seed.not-migrated")
    is_new, spent = False, dict[str, float]()
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        protection.refuse(connection, settings, "seed")
        recorded = ledger.read(connection)
        if recorded:
            ledger.refuse_other(recorded, wanted)
        if not (recorded and recorded.is_finished):
            is_new = True
            if not into_used:
                seeding.refuse_used(connection)
            run = bulk_run.Run(connection, wanted, max(workers, 1), say, watch)
            run.store(is_begun=recorded is not None, ahead=settings.policy.ahead)
            spent = run.spent_ms
            path = keys_file.write(settings.state_dir, wanted)
            say(f"private keys of the seeded users: {path.parent.name}/{path.name} (to read a message: docs/how-to/bulk-seed.md)")
        done = [BulkMonth(f"{m.lower:%Y-%m}", m.path, m.messages, m.statuses, m.attachments) for m in ledger.months(connection)]
    took = round((time.monotonic() - started) * 1000, 1)
    work = [BulkWork(name, duration_ms) for name, duration_ms in spent.items()]
    return BulkSeeded(
        wanted.messages, wanted.users, wanted.conversations, done, wanted.until, wanted.rng, wanted.profile, is_new, took, work
    )


def checksum(connection: Connection) -> str:
    """Return a checksum over the contents of all rows of the bulk seed: the same size gives the same. Reads all of them."""
    return rows_checksum.checksum(connection)
