"""The functions of chatschema.task: a URL or a connection in, a value out."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import psycopg

from chatschema import config, hold, postgres
from chatschema.database import contents
from chatschema.errors import UsageError
from chatschema.migration import files as migration_files
from chatschema.migration.loss import Loss, listed
from chatschema.postgres import Say
from chatschema.report import definition
from chatschema.report.result import Coverage, Result
from chatschema.report.run import TIMEOUT_S
from chatschema.task import looking, maintaining, migrating, resetting, seeding, session, state, undoing
from chatschema.task.maintaining import Maintained
from chatschema.task.seeding import Seeded
from chatschema.task.state import State
from chatschema.values import Applied, Month, Settings

Database = str | psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What happens on the way: a note in words, or a value (Applied, Month, Seeded) once it is committed."""

    kind: Literal["note", "applied", "partition", "undone", "seeded"]
    message: str
    value: Applied | Month | Seeded | None = None


OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Migrated:
    """The migrations that were applied, in order, and the months that were created after them."""

    applied: tuple[Applied, ...]
    partitions: tuple[Month, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The results of the reports, worst first, and what could be seen of the server."""

    results: tuple[Result, ...]
    coverage: Coverage


def migrate(
    database: Database,
    to: str | None = None,
    *,
    sql_dir: Path | None = None,
    folder: Path | None = None,
    lock_wait: timedelta = timedelta(seconds=session.LOCK_WAIT_S),
    on_event: OnEvent | None = None,
) -> Migrated:
    """Apply pending migrations up to `to`, an id or the beginning of one, then create the months ahead.

    Killed at any moment, a migration is there and recorded, or not at all.
    Raises MigrationFailed, HistoryConflict, Busy and CannotConnect; what was applied before stays applied.
    """  # fmt: skip
    settings = _settings(database, sql_dir, folder)
    files = migration_files.discover(settings.sql_dir / "migrations")
    last = migration_files.resolve(to, [file.id for file in files]) if to is not None else None
    applied: list[Applied] = []
    months: list[Month] = []
    with session.connected(settings, say=_say(on_event)) as (live, connection):
        steps = migrating.migrate(live, connection, files, to=last, lock_wait_s=lock_wait.total_seconds(), say=_say(on_event))
        with closing(steps):
            for done in steps:
                if isinstance(done, Applied):
                    applied.append(done)
                    _tell(on_event, Event("applied", f"applied {done.id}", done))
                else:
                    months.append(done)
                    _tell(on_event, Event("partition", f"created {done.name}", done))
    return Migrated(tuple(applied), tuple(months))


def undo(
    database: Database,
    steps: int | None = None,
    *,
    to: str | None = None,
    accept_loss: bool = False,
    sql_dir: Path | None = None,
    folder: Path | None = None,
    on_event: OnEvent | None = None,
) -> tuple[Applied, ...]:
    """Undo the last migration, or the last `steps`, or all after `to`; return those undone, last applied first.

    Where a rollback would lose rows or columns it is taken back and UsageError names them, unless the caller accepts the loss.
    Raises Protected, HistoryConflict, MigrationFailed and Busy.
    """  # fmt: skip
    if steps is not None and to is not None:
        raise UsageError("steps and to exclude each other", "give one of them")
    settings = _settings(database, sql_dir, folder)
    files = migration_files.discover(settings.sql_dir / "migrations")
    undone: list[Applied] = []

    def refuse(losses: Sequence[Loss]) -> None:
        if not accept_loss:
            raise UsageError(f"undo would {listed(losses)}; it was not done", "if that is wanted: accept_loss=True")

    with session.connected(settings, say=_say(on_event)) as (live, connection):
        contents.refuse_foreign(connection, "undo")
        wanted = undoing.choose(connection, files, steps=None if to else steps or 1, to=to)
        if wanted.chosen:
            hold.refuse_active(connection, "undo")
        agreed = undoing.agreed_before(live, connection, wanted, refuse, is_agreed=accept_loss, say=_say(on_event))
        with closing(undoing.roll_back(live, connection, wanted, agreed, refuse, say=_say(on_event))) as rolled_back:
            for done in rolled_back:
                undone.append(done)
                _tell(on_event, Event("undone", f"undid {done.id}", done))
    return tuple(undone)


def reset(
    database: Database, *, drop: str, sql_dir: Path | None = None, folder: Path | None = None, on_event: OnEvent | None = None
) -> str:
    """Drop the database and put a migrated one in its place; return in words how. Everything in it is lost.

    `drop` is the name of the database, given again: that word stands for the answer that the command asks for.
    Raises UsageError for another name, Protected, and ChatschemaError while a hold is active.
    """
    settings = _settings(database, sql_dir, folder)
    files = migration_files.discover(settings.sql_dir / "migrations")
    say = _say(on_event)
    with session.running(settings, say=say) as live:
        name = postgres.database_name(live)
        if drop != name:
            raise UsageError(f"drop={drop!r} does not match the database {name}; nothing was dropped", "give its name")
        with closing(resetting.maintenance(live, name, say=say)) as connection:
            resetting.look(live, connection, name, say=say)
            how = resetting.Reset(live, name, files, is_named=True, say=say).rebuild(connection)
        with closing(postgres.connect(live, dbname=name)) as connection:
            for _ in migrating.migrate(live, connection, files, say=say):
                pass
            resetting.finish(connection)
    return how


def seed(
    database: Database,
    *names: str,
    rng: int = 0,
    into_used: bool = False,
    folder: Path | None = None,
    on_event: OnEvent | None = None,
) -> tuple[Seeded, ...]:
    """Run the named seeders and those that they need, all when none is named; return what ran.

    Raises Protected, UsageError for an unknown name, and ChatschemaError where the tables have rows that no seeder made, unless
    `into_used`.
    """
    seeded: list[Seeded] = []
    settings, say = _settings(database, None, folder), _say(on_event)
    with (
        session.connected(settings, say=say) as (live, connection),
        closing(seeding.seed(live, connection, names, rng=rng, into_used=into_used, say=say)) as steps,
    ):
        for done in steps:
            seeded.append(done)
            _tell(on_event, Event("seeded", f"seeded {done.name}", done))
    return tuple(seeded)


def status(database: Database, *, sql_dir: Path | None = None, folder: Path | None = None) -> State:
    """Return where the database stands; its `findings` are empty when all is well. Reads only. Raises CannotConnect."""
    settings = _settings(database, sql_dir, folder)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.connected(settings, writes=False, say=_say(None)) as (live, connection):
        return state.read(live, connection, files)


def maintain(database: Database, *, folder: Path | None = None, on_event: OnEvent | None = None) -> Maintained:
    """Do all that is due on the months, as cron does; `failed` in the answer has the errors of the parts that failed.

    Months are retired only by the policy in `folder`/chatschema.toml. Raises ChatschemaError only where nothing can go on.
    """
    with session.connected(_settings(database, None, folder), say=_say(on_event)) as (live, connection):
        return maintaining.maintain(connection, live, say=_say(on_event))


def report(
    database: Database,
    *names: str,
    sql_dir: Path | None = None,
    folder: Path | None = None,
    timeout: timedelta = timedelta(seconds=TIMEOUT_S),
) -> Report:
    """Return the named reports, or the health overview; reads only, and waits for no lock. Raises UsageError, CannotConnect."""
    settings = _settings(database, sql_dir, folder)
    known = settings.sql_dir
    wanted = [definition.load(known, name) for name in names] if names else definition.overview(known)
    with looking.looking(settings, wanted, timeout_s=timeout.total_seconds(), say=_say(None)) as look:
        return Report(tuple(look.now()), look.coverage)


def _settings(database: Database, sql_dir: Path | None, folder: Path | None) -> Settings:
    """Return the settings for a database; chatschema.toml and .env count as for the command run in `folder`.

    Of a connection only its address is used: its session and its transaction are the caller's. Raises UsageError.
    """
    url = database if isinstance(database, str) else postgres.again(database)
    # That a database is protected must not depend on who asks.
    environ = {name: os.environ[name] for name in ("CHATSCHEMA_ENV",) if name in os.environ}
    return config.load(url=url, environ=environ, folder=folder or Path.cwd(), sql_dir=sql_dir)


def _say(on_event: OnEvent | None) -> Say:
    return lambda text: _tell(on_event, Event("note", text))


def _tell(on_event: OnEvent | None, event: Event) -> None:
    if on_event:
        on_event(event)
