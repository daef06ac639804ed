"""Rehearsing: the pending migrations run on a copy of the database, beside the load of a chat. The database stays as it is."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from psycopg import sql

from chatschema import postgres
from chatschema.database import clone, sample, scratch
from chatschema.errors import UsageError
from chatschema.migration.files import MigrationFile
from chatschema.migration.plan import check_history, pending
from chatschema.migration.rehearsal import load, shapes
from chatschema.migration.rehearsal.load import Load
from chatschema.migration.rehearsal.steps import Rehearsal, Step
from chatschema.postgres import Connection, Say, locks
from chatschema.server import embedded
from chatschema.structure import comparison, recording
from chatschema.task import copies, migrating, planning, scratching, session
from chatschema.task.migrating import Plan
from chatschema.task.scratching import NoScratch
from chatschema.values import Applied, Month, Planning, Settings, Started

# Long enough to meet the usual waits of the load.
_USUAL_S = 2.0
# A client that has waited notices the end of the migration a little later.
_AFTER_S = 0.1
_WAL = "select pg_current_wal_insert_lsn() - '0/0'"
_SIZE = "select pg_database_size(current_database())"


@dataclass(frozen=True, slots=True)
class Choice:
    """The migrations to rehearse, as for migrating.migrate()."""

    files: list[MigrationFile]
    to: str | None = None
    only_expand: bool = False


@dataclass(frozen=True, slots=True)
class _Copy:
    """A database that may be migrated, a session in it, in words where it is, and what limits the result."""

    settings: Settings
    session: Connection
    words: str
    notes: tuple[str, ...] = ()
    is_own: bool = False


def rehearse(
    settings: Settings, connection: Connection, choice: Choice, *, copy: Settings | None, scratch: str | None, say: Say
) -> Rehearsal | None:
    """Return what the pending migrations did on a copy, and what that means for this database; None if nothing is pending.

    `copy` is a restored copy, which is migrated. Without one a copy of some rows is made in `scratch`, a place as for
    scratching.place(), and dropped afterwards. Raises UsageError if the copy is no copy, or none can be made, and what migrate
    raises on the copy.
    """
    if copy is not None:
        with session.connected(_harmless(copy, settings.planning), say=say) as (live, worker):
            copies.refuse(connection, worker)
            coming = _coming(connection, choice, settings.planning)
            copies.refuse_other_history(worker, coming, _coming(worker, choice, live.planning))
            words = f"the copy {worker.info.dbname} on {worker.info.host}"
            plan = _plan(settings, connection, choice, scratch, say)
            return _rehearsed(connection, _Copy(live, worker, words), plan, choice, say) if coming else None
    if not (coming := _coming(connection, choice, settings.planning)):
        return None
    plan = _plan(settings, connection, choice, scratch, say)
    applied = [file for file in choice.files if file.id not in coming]
    with _sample(settings, connection, scratch, applied, say) as made:
        return _rehearsed(connection, made, plan, choice, say)


def _coming(connection: Connection, choice: Choice, rules: Planning) -> list[str]:
    """Return the ids of the migrations that are pending here."""
    statuses = check_history(choice.files, connection, rules)
    return [file.id for file in pending(choice.files, statuses, choice.to, only_expand=choice.only_expand)]


def _plan(settings: Settings, connection: Connection, choice: Choice, scratch: str | None, say: Say) -> Plan:
    return migrating.planned(
        settings, connection, choice.files, to=choice.to, only_expand=choice.only_expand, scratch=scratch, say=say
    )


def _harmless(copy: Settings, rules: Planning) -> Settings:
    """Return the settings of the copy without those that only concern the real database; `rules` are those of that one."""
    return replace(copy, is_production=False, replicas=(), planning=replace(rules, require_plan=False))


@contextmanager
def _sample(
    settings: Settings, connection: Connection, where: str | None, applied: Sequence[MigrationFile], say: Say
) -> Iterator[_Copy]:
    """Yield a copy of the structure with some rows, which is dropped afterwards."""
    try:
        with scratching.place(settings, where, say=say) as place, scratch.empty(place.server, say=say) as made:
            with closing(postgres.connect(made)) as worker, closing(postgres.connect(settings)) as reader, sample.moment(reader):
                found: list[sample.Sample] = []
                version = connection.info.server_version // 10000
                notes = clone.structure(
                    settings, version, worker, programs=embedded.bin_folder(),
                    between=lambda: found.append(sample.copy_rows(reader, worker)),
                )  # fmt: skip
                partial = found[0].partial
            with closing(postgres.connect(made)) as worker:
                sample.settle(worker)
                _record(worker, [file.apply.ddl for file in applied])
                notes = [f"not in the copy: {one}" for one in notes]
                if partial:
                    notes.append(f"only a part was copied of {', '.join(partial)}: a key may miss rows that were not copied")
                yield _Copy(
                    _harmless(made, settings.planning), worker, f"a copy of some rows, on {place.words}", tuple(notes), is_own=True
                )
    except NoScratch as error:
        raise UsageError(
            f"a rehearsal needs rows: {error}",
            "name a restored copy: --copy URL; or a server on which some rows are copied: --scratch embedded, same or URL",
            code="rehearse.place",
        ) from None


def _record(worker: Connection, texts: Sequence[str]) -> None:
    """Record the structure of the copy as it is: it has no grants and owners, and no difference is to be reported."""
    with locks.migration_lock(worker, wait_s=0):
        if postgres.has_table(worker, comparison.TABLE):
            postgres.execute(worker, sql.SQL("delete from {}").format(sql.SQL(comparison.TABLE)))
        with recording.recorded(worker, texts, (), was_cut_off=False, writes=False, say=lambda _: None):
            pass


def _rehearsed(connection: Connection, copy: _Copy, plan: Plan, choice: Choice, say: Say) -> Rehearsal:
    known, source = shapes.rates(connection)
    locked = {lock.relation for one in plan.foresight.forecasts for statement in one.statements for lock in statement.locks}
    found, problems = shapes.of_copy(copy.session, known, locked)
    factors = _factors(plan, copy.session)
    copy_bytes: int = postgres.fetch_one(copy.session, _SIZE)[0]
    with closing(postgres.connect(copy.settings)) as meter, load.running(copy.settings, found) as clients:
        say(f"measuring the load without a migration for {_USUAL_S:.0f} s")
        began, wal = time.monotonic(), _wal(meter)
        time.sleep(_USUAL_S)
        until, idle = time.monotonic(), (_wal(meter) - wal) / _USUAL_S
        marks = _run(copy, choice, meter, clients, say)
        clients.met(time.monotonic())
    usual_ms = clients.longest_ms(began, until)
    failures = clients.failures([one.ended for one in marks])
    steps = [
        replace(_step(one, clients, idle), failures=failed, factor=factors.get(one.id, 1.0), usual_ms=usual_ms)
        for one, failed in zip(marks, failures, strict=True)
    ]
    own, other = copy.session.info.server_version // 10000, connection.info.server_version // 10000
    if own != other:
        problems.append(f"the copy is on PostgreSQL {own}, the database on {other}")
    return Rehearsal(
        copy.words, copy.is_own, copy_bytes, postgres.fetch_one(connection, _SIZE)[0], tuple(found), source, usual_ms, tuple(steps),
        (*copy.notes, *problems),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Mark:
    """A migration of the copy: its name and time, the moments by time.monotonic(), and the WAL of the server meanwhile."""

    id: str
    title: str
    duration_ms: float
    began: float
    ended: float
    wal: int


def _run(copy: _Copy, choice: Choice, meter: Connection, clients: Load, say: Say) -> list[_Mark]:
    """Migrate the copy; return a mark for each file, and one for the partitions that follow."""
    marks: list[_Mark] = []
    months: list[Month] = []
    began, wal = time.monotonic(), _wal(meter)
    for done in migrating.migrate(copy.settings, copy.session, choice.files, to=choice.to, only_expand=choice.only_expand, say=say):
        if isinstance(done, Month):
            months.append(done)
            continue
        now, written = time.monotonic(), _wal(meter)
        if isinstance(done, Started):
            say(f"{done.id}: its batches run after migrate, and are not rehearsed")
        duration_ms = done.duration_ms if isinstance(done, Applied) else (now - began) * 1000
        marks.append(_Mark(done.id, done.title, duration_ms, began, now, written - wal))
        clients.met(now)
        began, wal = time.monotonic(), _wal(meter)
    if months:
        now, written = time.monotonic(), _wal(meter)
        marks.append(_Mark("partitions", f"{len(months)} partitions", (now - began) * 1000, began, now, written - wal))
    return marks


def _wal(meter: Connection) -> int:
    return int(postgres.fetch_one(meter, _WAL)[0])


def _step(mark: _Mark, clients: Load, idle: float) -> Step:
    wal = max(0, round(mark.wal - idle * (mark.ended - mark.began)))
    return Step(mark.id, mark.title, round(mark.duration_ms, 1), clients.longest_ms(mark.began, mark.ended + _AFTER_S), wal)


def _factors(plan: Plan, worker: Connection) -> dict[str, float]:
    """Return by migration how many times more work it is on the real database, by the estimates of both at one rate."""
    there = planning.sized(worker, plan.foresight, rate=plan.sized.rate)
    found = {}
    for id, statements in plan.sized.statements.items():
        real, copied = (
            sum(one.estimate_ms for one in some if one.estimate_ms is not None) for some in (statements, there.statements[id])
        )
        if real and copied:
            found[id] = real / copied
    return found
