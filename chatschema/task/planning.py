"""Planning: the pending files run on a copy of the structure, and what they did there, with the sizes of the real tables."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chatschema import postgres
from chatschema.database import clone, scratch
from chatschema.errors import ChatschemaError
from chatschema.migration.files import MigrationFile
from chatschema.migration.forecast import digest, live, reading, trial
from chatschema.migration.forecast.estimate import Estimated, estimated
from chatschema.migration.forecast.live import Traffic
from chatschema.migration.forecast.planner import Planner
from chatschema.migration.forecast.trial import Trial
from chatschema.migration.forecast.values import Forecast
from chatschema.migration.loss import Change
from chatschema.postgres import Connection, Say, door
from chatschema.sqlfile import SqlFile
from chatschema.task import scratching
from chatschema.task.scratching import NoScratch, Place
from chatschema.values import Settings

if TYPE_CHECKING:
    from chatschema.cluster.obstacles import Obstacle


@dataclass(frozen=True, slots=True)
class Foresight:
    """The forecasts of files, in their order.

    `copy`: in words where the copy was made, None if there was none; then `why` tells why, and the locks are those that the
    statements name. `changes` are those that rollbacks make to tables; None without a copy. `other_version` is that of the copy's
    server if it is not the database's. `obstacles`: what the files change that a distributed database rests on.
    """

    forecasts: tuple[Forecast, ...]
    copy: str | None
    why: str = ""
    changes: tuple[Change, ...] | None = None
    other_version: tuple[int, int] | None = None
    missing: tuple[str, ...] = ()
    is_first: bool = False
    obstacles: tuple["Obstacle", ...] = ()

    @property
    def parts(self) -> list[tuple[str, str]]:
        """The ids, each with the hash of its file and of what it does."""
        if self.is_first:
            return [(one.id, digest.bare(one.id, one.checksum)) for one in self.forecasts]
        return [(one.id, digest.part(one)) for one in self.forecasts]

    @property
    def hash(self) -> str:
        """The hash of the plan."""
        return digest.whole(self.parts)


def migrations(
    settings: Settings, connection: Connection, files: Sequence[MigrationFile], *, where: str | None, is_first: bool, say: Say
) -> Foresight:
    """Return the forecasts of migrations that are applied in this order; without a copy where they are the first ones."""
    if not files or is_first:
        return Foresight(tuple(trial.of_new(file) for file in files), None, is_first=is_first)

    def run(attempt: Trial) -> tuple[list[Forecast], list[Change] | None]:
        return [attempt.apply(file) for file in files], None

    texts = [(file.id, file.apply) for file in files]
    return _foreseen(settings, connection, run, texts, where, say)


def rollbacks(
    settings: Settings, connection: Connection, files: Sequence[MigrationFile], *, where: str | None, say: Say
) -> Foresight:
    """Return the forecasts of rollbacks that are run in this order, and the changes of tables that may lose rows."""

    def run(attempt: Trial) -> tuple[list[Forecast], list[Change] | None]:
        pairs = [attempt.roll_back(file) for file in files]
        return [one for one, _ in pairs], sorted({change for _, some in pairs for change in some})

    texts = [(file.id, file.rollback) for file in files if file.rollback]
    return _foreseen(settings, connection, run, texts, where, say)


def _foreseen(
    settings: Settings,
    connection: Connection,
    run: Callable[[Trial], tuple[list[Forecast], list[Change] | None]],
    texts: Sequence[tuple[str, SqlFile]],
    where: str | None,
    say: Say,
) -> Foresight:
    """Return what `run` finds on a copy; without one, what the `texts` tell. Raises ChatschemaError if a named server fails."""
    obstacles: list[Obstacle] = []
    try:
        with (
            scratching.place(settings, _where(settings, connection, where), say=say) as place,
            _copy(settings, connection, place, obstacles, say) as (attempt, missing),
        ):
            forecasts, changes = run(attempt)
            versions = attempt.worker.info.server_version // 10000, connection.info.server_version // 10000
            return Foresight(
                tuple(forecasts),
                place.words,
                changes=None if changes is None else tuple(changes),
                other_version=versions if versions[0] != versions[1] else None,
                missing=tuple(missing),
                obstacles=tuple(obstacles),
            )
    except NoScratch as error:
        why = str(error)
    except ChatschemaError as error:
        # A server that somebody named must serve; the default is only tried.
        if scratching.wanted(settings, where) is not None:
            raise
        why = error.message
    read = reading.reader(connection)
    return Foresight(tuple(trial.of_text(id, text, read) for id, text in texts), None, why)


def _where(settings: Settings, connection: Connection, where: str | None) -> str | None:
    """Return where the copy goes: of a distributed database to its own server, which has Citus, unless somebody says otherwise."""
    wanted = scratching.wanted(settings, where)
    return scratching.SAME if wanted is None and door.is_distributed(connection) else wanted


@contextmanager
def _copy(
    settings: Settings, connection: Connection, place: Place, obstacles: "list[Obstacle]", say: Say
) -> Iterator[tuple[Trial, list[str]]]:
    """Yield a trial on a copy of the structure, which is dropped afterwards, and the errors of the copying."""
    from chatschema.server import embedded

    with scratch.empty(place.server, say=say if place.is_same else None) as made:
        version = connection.info.server_version // 10000
        between = None
        if door.is_distributed(connection):
            from chatschema.task import cluster_copy

            between = cluster_copy.prepare(connection, made)
        with closing(postgres.connect(made)) as worker, closing(postgres.connect(made)) as observer:
            fill = between and partial(between, worker)
            missing = clone.structure(settings, version, worker, programs=embedded.bin_folder(), between=fill)
            attempt = Trial(worker, observer, reading.reader(connection))
            if between:
                attempt.after = cluster_copy.Watch(worker, obstacles).look
            yield attempt, missing


@dataclass(frozen=True, slots=True)
class Sized:
    """The statements of each file with their bytes and times, by id; and the tables that they lock, largest first."""

    statements: dict[str, list[Estimated]]
    tables: tuple[Traffic, ...]
    rate: float


def sized(connection: Connection, foresight: Foresight, *, rate: float | None = None) -> Sized:
    """Return the forecasts with the sizes and the traffic of the real tables; changes nothing.

    `rate` is how many bytes a second the server reads; it is measured if it is not known.
    """
    every = [one for forecast in foresight.forecasts for one in forecast.statements]
    roots = {lock.relation for one in every for lock in one.locks}
    read = {work.table for one in every for work in one.work}
    found = live.look(connection, roots, read, rate=rate)
    statements = {
        forecast.id: [estimated(one, found, Planner(connection)) for one in forecast.statements] for forecast in foresight.forecasts
    }
    return Sized(statements, tuple(sorted(found.traffic.values(), key=lambda one: (-(one.bytes or 0), one.relation))), found.rate)
