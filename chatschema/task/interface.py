"""The functions of chatschema.task: each takes a URL or a connection and returns a value."""

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
from chatschema.migration import phases
from chatschema.migration.loss import Loss, listed
from chatschema.postgres import Say
from chatschema.report import definition
from chatschema.report.result import Coverage, Result
from chatschema.report.run import TIMEOUT_S
from chatschema.task import looking, maintaining, migrating, resetting, seeding, session, state, undoing
from chatschema.task.maintaining import Maintained
from chatschema.task.seeding import Seeded
from chatschema.task.state import State
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Applied, Month, Settings, Started

Database = str | psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Progress: a note in words, or a value (Applied, Started, Month, Seeded) once it is committed."""

    kind: Literal["note", "applied", "started", "partition", "undone", "seeded"]
    message: str
    value: Applied | Started | Month | Seeded | None = None


OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Migrated:
    """The migrations that were applied, in order, those whose batches run on, and the months that were created after them."""

    applied: tuple[Applied, ...]
    partitions: tuple[Month, ...]
    running: tuple[Started, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The results of the reports, worst first, and the coverage: which parts of the server could be read."""

    results: tuple[Result, ...]
    coverage: Coverage


def migrate(
    database: Database,
    to: str | None = None,
    *,
    phase: Literal["expand"] | None = None,
    until: str | None = None,
    sql_dir: Path | None = None,
    folder: Path | None = None,
    lock_wait: timedelta = timedelta(seconds=LOCK_WAIT_S),
    plan_hash: str | None = None,
    on_event: OnEvent | None = None,
) -> Migrated:
    """Apply pending migrations up to `to`, an id or its first characters, then create the partitions of the coming months.

    With `phase="expand"` the files with `-- phase: contract` wait. Nothing is begun after `until`, as "06:00", the server's time;
    with `plan_hash` only the plan with this hash is applied.
    If the run is killed, a migration is either applied and recorded, or not applied at all.
    Raises MigrationFailed, HistoryConflict, Busy and CannotConnect; migrations that were applied before stay applied.
    """  # fmt: skip
    settings, only_expand = _settings(database, sql_dir, folder), phases.is_expand(phase)
    files = migration_files.discover(settings.sql_dir / "migrations")
    last = migration_files.resolve(to, [file.id for file in files]) if to is not None else None
    applied: list[Applied] = []
    running: list[Started] = []
    months: list[Month] = []
    with session.connected(settings, say=_say(on_event)) as (live, connection):
        steps = migrating.migrate(
            live, connection, files, to=last, only_expand=only_expand, until=until, lock_wait_s=lock_wait.total_seconds(),
            plan_hash=plan_hash,
            say=_say(on_event),
        )  # fmt: skip
        with closing(steps):
            for done in steps:
                if isinstance(done, Applied):
                    applied.append(done)
                    _tell(on_event, Event("applied", f"applied {done.id}", done))
                elif isinstance(done, Started):
                    running.append(done)
                    _tell(on_event, Event("started", f"started {done.id}", done))
                else:
                    months.append(done)
                    _tell(on_event, Event("partition", f"created {done.name}", done))
    return Migrated(tuple(applied), tuple(months), tuple(running))


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
    """Undo the last migration, or the last `steps`, or all after `to`; return the undone migrations, last applied first.

    If a rollback would lose rows or columns it is rolled back, and UsageError names them, unless the caller accepts the loss.
    Raises Protected, HistoryConflict, MigrationFailed and Busy.
    """  # fmt: skip
    if steps is not None and to is not None:
        raise UsageError("steps and to cannot be combined", "use one of them", code="usage.options")
    settings = _settings(database, sql_dir, folder)
    files = migration_files.discover(settings.sql_dir / "migrations")
    undone: list[Applied] = []

    def refuse(losses: Sequence[Loss]) -> None:
        if not accept_loss:
            message = f"undo would {listed(losses)}; nothing was done"
            raise UsageError(message, "to accept the losses: accept_loss=True", code="undo.loss")

    with session.connected(settings, say=_say(on_event)) as (live, connection):
        contents.refuse_foreign(connection, "undo")
        wanted = undoing.choose(settings, connection, files, steps=None if to else steps or 1, to=to)
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
    """Drop the database and create it again, migrated; return in words how. All its data is lost.

    `drop` repeats the name of the database, as a confirmation.
    Raises UsageError for another name, Protected, and ChatschemaError while a hold is active.
    """
    settings = resetting.without_plan(_settings(database, sql_dir, folder))
    files = migration_files.discover(settings.sql_dir / "migrations")
    say = _say(on_event)
    with session.running(settings, say=say) as live:
        name = postgres.database_name(live)
        if drop != name:
            message = f"drop={drop!r} does not match the database {name}; nothing was dropped"
            raise UsageError(message, f"to confirm: drop={name!r}", code="reset.name")
        with closing(resetting.maintenance(live, name, say=say)) as connection:
            resetting.look(live, connection, name, say=say)
            how = resetting.Reset(live, name, files, is_named=True, say=say).rebuild(connection)
        with closing(postgres.connect(live, dbname=name)) as connection:
            for _ in migrating.migrate(live, connection, files, say=say):
                pass
            resetting.finish(live, connection, files, say=say)
    return how


def seed(
    database: Database,
    *names: str,
    rng: int = 0,
    into_used: bool = False,
    folder: Path | None = None,
    on_event: OnEvent | None = None,
) -> tuple[Seeded, ...]:
    """Run the named seeders and those that they need, or all of them; return the seeders that ran.

    Raises Protected, UsageError for an unknown name, and ChatschemaError if the tables have rows that no seeder created, unless
    `into_used`.
    """
    seeded: list[Seeded] = []
    settings, say = _settings(database, None, folder), _say(on_event)
    with (
        session.connected(settings, say=say) as (live, connection),
        closing(seeding.seed(live, connection, seeding.choose(live, names), rng=rng, into_used=into_used, say=say)) as steps,
    ):
        for done in steps:
            seeded.append(done)
            _tell(on_event, Event("seeded", f"seeded {done.name}", done))
    return tuple(seeded)


def status(database: Database, *, sql_dir: Path | None = None, folder: Path | None = None) -> State:
    """Return the state of the database; its `findings` are empty if it is up to date. Reads only. Raises CannotConnect."""
    settings = _settings(database, sql_dir, folder)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.connected(settings, writes=False, say=_say(None)) as (live, connection):
        return state.read(live, connection, files)


def maintain(database: Database, *, folder: Path | None = None, on_event: OnEvent | None = None) -> Maintained:
    """Do all maintenance that is due, as from cron; `failed` in the result has the errors of the parts that failed.

    Months are retired only by the policy in `folder`/chatschema.toml. Raises ChatschemaError only if no part can run.
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
    """Return the settings for a database; chatschema.toml and .env are read as by the command in `folder`.

    Only the address of a connection is used: its session and its transaction stay the caller's. Raises UsageError.
    """
    url = database if isinstance(database, str) else postgres.again(database)
    # The protection of a database must not depend on the caller.
    environ = {name: os.environ[name] for name in ("CHATSCHEMA_ENV",) if name in os.environ}
    return config.load(url=url, environ=environ, folder=folder or Path.cwd(), sql_dir=sql_dir)


def _say(on_event: OnEvent | None) -> Say:
    return lambda text: _tell(on_event, Event("note", text))


def _tell(on_event: OnEvent | None, event: Event) -> None:
    if on_event:
        on_event(event)
