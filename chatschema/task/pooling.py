"""A pool of databases for tests: a thread clones a migrated template ahead, and drops used clones, so that no test waits."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chatschema import assets, postgres
from chatschema.database import catalog, copying, pool
from chatschema.database import template as templates
from chatschema.errors import Busy, CannotConnect, ChatschemaError, ServerError
from chatschema.migration import files as migration_files
from chatschema.postgres import Connection, Say
from chatschema.task import migrating, resetting, seeding
from chatschema.values import Planning, Settings

# The word for all seeders.
ALL = "all"
# Many migrations, or a large seeder of a team, take a while.
_BUILD_WAIT_S = 600.0
_CONNECT_S = 10.0
# So many clones of 10 MB may wait to be dropped while tests want new ones.
_MOST_DOOMED = 50


@dataclass(frozen=True, slots=True)
class Clone:
    """A database of one test: its name, its URL, and the connection through which it was prepared, still unused."""

    name: str
    url: str
    connection: Connection


def template(settings: Settings, seeds: Sequence[str] = (), *, say: Say) -> str:
    """Return the name of the template on the server of the settings; built if it is missing: migrated, and seeded with `seeds`.

    It is named by a hash of migrations, seeders and the month (with seeds the day). Two runs build it once.
    Raises ChatschemaError if the role may not create databases, and what migrate and seed raise.
    """
    plain = replace(settings, is_production=False, planning=Planning())
    files = migration_files.discover(plain.sql_dir / "migrations")
    chosen = seeding.choose(plain, [] if ALL in seeds else seeds) if seeds else []
    with closing(postgres.connect(plain, dbname=pool.LOCKS_IN)) as connection:
        target = catalog.inspect(connection, pool.PREFIX)
        if not target.may_create:
            text = f"role {connection.info.user} may not create databases, and each test gets one of its own"
            raise ChatschemaError(text, "use a role with CREATEDB", code="pool.no-createdb")
        now = f"{postgres.fetch_one(connection, 'select now()')[0]:{'%Y-%m-%d' if chosen else '%Y-%m'}}"
        folders = (plain.seeds_dir, assets.seeds_dir()) if chosen else ()
        texts = [path.read_text("utf-8") for folder in folders for path in sorted(folder.glob("*.py"))]
        contents = [*resetting.template_contents(plain, files, connection), *(one.name for one in chosen), *texts, now]
        name = pool.template_name(connection, contents)
        _wait_for_build(connection, name)
        try:

            def fill(dbname: str) -> None:
                with closing(postgres.connect(plain, dbname=dbname)) as building:
                    for _ in migrating.migrate(plain, building, files, say=say):
                        pass
                    for _ in seeding.seed(plain, building, chosen, say=say) if chosen else ():
                        pass

            templates.build_template(connection, name, target, fill)
            pool.remember(connection, name)
        finally:
            pool.release(connection, name)
    return name


def _wait_for_build(connection: Connection, name: str) -> None:
    deadline = time.monotonic() + _BUILD_WAIT_S
    while not pool.hold(connection, name):
        if time.monotonic() > deadline:
            raise Busy(f"another run is still building the template {name}", "run it again in a moment", code="pool.building")
        time.sleep(0.05)


class Pool:
    """Clones of one template. A thread makes `warm` of them ahead, prepares each by a first connection, and drops the used ones.

    `project` and `run` mark the databases that keep() leaves; a later run of the project drops them.
    """

    def __init__(
        self, settings: Settings, template: str, *, warm: int, project: str, run: str, shares_blocks: bool = False
    ) -> None:
        self.taken: dict[str, Clone] = {}
        self._settings, self._template, self._warm = settings, template, max(warm, 1)
        self._project, self._run, self._shares_blocks = project, run, shares_blocks
        self._is_swept = False
        self._ready: deque[Clone] = deque()
        self._doomed: deque[str] = deque()
        self._changed = threading.Condition()
        self._failure: Exception | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="chatschema pool", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> int:
        """The number of clones that wait to be taken."""
        return len(self._ready)

    def take(self) -> Clone:
        """Return a clone that nobody else uses, waiting for one if there is none. Raises what making it raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._failure or self._is_closing)
            if not self._ready:
                raise self._failure or ChatschemaError("the pool of databases is closed", code="pool.closed")
            clone = self._ready.popleft()
            self.taken[clone.name] = clone
            self._changed.notify_all()
            return clone

    def give(self, clone: Clone) -> None:
        """Have a clone dropped, soon; it is never used again."""
        _close(clone)
        with self._changed:
            if self.taken.pop(clone.name, None):
                self._doomed.append(clone.name)
                self._changed.notify_all()

    def keep(self, clone: Clone) -> None:
        """Leave the clone of a failed test on the server."""
        _close(clone)
        if self.taken.pop(clone.name, None):
            with closing(postgres.connect(self._settings, dbname=pool.LOCKS_IN)) as connection:
                pool.keep(connection, clone.name, self._project, self._run)

    def close(self) -> None:
        """Drop all clones but the kept ones."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        try:
            with closing(postgres.connect(self._settings, dbname=pool.LOCKS_IN)) as connection:
                how = copying.way(connection, self._template, shares_blocks=self._shares_blocks)
                while not self._is_closing:
                    self._step(connection, how)
                self._end(connection)
        except Exception as error:  # noqa: BLE001  # whoever takes a database gets it, and does not wait for ever
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _step(self, connection: Connection, how: copying.Way) -> None:
        """Do what is most urgent: make a clone, drop one, or once what earlier runs left; or wait."""
        if len(self._ready) < self._warm and len(self._doomed) < _MOST_DOOMED:
            clone = self._make(connection, how)
            with self._changed:
                self._ready.append(clone)
                self._changed.notify_all()
        elif self._doomed:
            _drop(connection, self._doomed.popleft())
        elif not self._is_swept:
            self._sweep()
        else:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing or self._doomed or len(self._ready) < self._warm)

    def _make(self, connection: Connection, how: copying.Way) -> Clone:
        name = pool.clone_name(self._template)
        while not pool.hold(connection, name):
            name = pool.clone_name(self._template)
        copying.copy(connection, self._template, name, how)
        # The first connection to a database writes the server's cache of its catalog, which takes longer than a second one.
        first = _first_connection(make_conninfo(self._settings.conninfo, dbname=name))
        return Clone(name, url_of(self._settings.conninfo, name), first)

    def _sweep(self) -> None:
        """Drop what earlier runs left; through another session, as this one holds the clones of this run."""
        self._is_swept = True
        # What it cannot drop now, the next run drops.
        with suppress(ChatschemaError):
            sweep(self._settings, self._project, self._run)

    def _end(self, connection: Connection) -> None:
        if not self._is_swept:
            self._sweep()
        for clone in [*self._ready, *self.taken.values()]:
            _close(clone)
            self._doomed.append(clone.name)
        for name in self._doomed:
            _drop(connection, name)


def sweep(settings: Settings, project: str, run: str | None) -> list[str]:
    """Drop the databases of killed runs, and those that earlier runs of the `project` kept; return their names."""
    with closing(postgres.connect(settings, dbname=pool.LOCKS_IN)) as connection:
        return pool.sweep(connection, project, run)


def is_durable(settings: Settings) -> bool:
    """Return whether the server writes every commit to the disk, which makes each clone slower."""
    with closing(postgres.connect(settings, dbname=pool.LOCKS_IN, writes=False)) as connection:
        return bool(postgres.fetch_one(connection, "select current_setting('fsync')::boolean")[0])


def url_of(conninfo: str, name: str) -> str:
    """Return the URL of a database on the server of `conninfo`."""
    parts = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None and key != "dbname"}
    user, password = quote(parts.pop("user", ""), safe=""), parts.pop("password", "")
    login = f"{user}{':' + quote(password, safe='') if password else ''}@" if user else ""
    # A path of a socket, and a list of hosts, have no place in front of the name.
    host = quote(parts.pop("host"), safe="") if not set("/,:") & set(parts.get("host", "/")) else ""
    port = f":{parts.pop('port')}" if host and parts.get("port") else ""
    query = f"?{urlencode(parts, quote_via=quote)}" if parts else ""
    return f"postgresql://{login}{host}{port}/{name}{query}"


def _first_connection(conninfo: str) -> Connection:
    """Connect to a clone; the tests may have used up the connections of the server for a moment."""
    deadline = time.monotonic() + _CONNECT_S
    while True:
        try:
            return postgres.connect_plain(conninfo)
        except CannotConnect:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _drop(connection: Connection, name: str) -> None:
    # A test may have dropped it, or left what keeps it, as a prepared transaction: then the next run tries again.
    with suppress(ServerError):
        catalog.drop(connection, name)


def _close(clone: Clone) -> None:
    with suppress(Exception):
        clone.connection.close()
