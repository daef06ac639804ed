"""Running files on a copy of the structure, statement by statement, and watching their locks from a second session."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.migration import loss
from chatschema.migration.batch import header
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.migration.forecast import alone
from chatschema.migration.forecast.observe import Watcher
from chatschema.migration.forecast.values import Forecast, Foreseen, Source, TableLock, Work
from chatschema.migration.loss import Change
from chatschema.postgres import Connection
from chatschema.sqlfile import SqlFile
from chatschema.statements import Statement

# The locks of a statement as its text says, of the real database; None if they are not known.
Reading = Callable[[str], tuple[TableLock, ...] | None]
_ABOUT_ROWS = re.compile(r"(?i)(?:insert|update|delete|merge|copy|with|select|values)\b")
# They read and rewrite no table, or the planner is asked. A file may have thousands of them.
_LIGHT = re.compile(r"(?i)(?:comment|grant|revoke|insert)\b")
_TRUNCATE = re.compile(r"(?i)truncate\b")
_VALUES = re.compile(rb"(?i)insert\s+into\s+[^(\s]+\s*(?:\([^)]*\)\s*)?values\b")
# A file may have a million inserts, which all take the same lock.
_INSERTS = 100
_GLOBAL = "it changes roles, databases or settings of the whole server"
_BEYOND = "it may have effects outside of the database, so it is not tried"
# Functions that act on the server, and files and programs on its disk.
_OUTSIDE = re.compile(
    r"(?i)\b(?:pg_\w*replication_slot|pg_replication_origin_\w+|pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile"
    r"|pg_switch_wal|pg_promote|dblink\w*|lo_export|pg_file_write)\s*\(|\bcopy\b[^;]*\b(?:to|program)\s*'"
)
# Its body is not run.
_ROUTINE = re.compile(r"(?i)\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\b")
# Code that waits for rows would wait for ever.
_LIMIT = "set local statement_timeout = '5min'"


@dataclass(slots=True)
class Trial:
    """A copy of the structure, in which files are run in their order; `worker` runs them, `observer` watches.

    `read` tells the locks of a statement that cannot be run here, from its text. `after` is called with the id of each file, once
    it was run.
    """

    worker: Connection
    observer: Connection
    read: Reading
    after: Callable[[str], None] = lambda _: None

    def apply(self, file: MigrationFile) -> Forecast:
        """Run a migration; return its forecast."""
        text = header.Whole(file.apply) if header.of(file.apply) else file.apply
        forecast = self._run(file.id, text, text.is_transactional)
        self.after(file.id)
        return forecast

    def roll_back(self, file: MigrationFile) -> tuple[Forecast, list[Change]]:
        """Run the rollback of a migration; return its forecast, and the changes of tables, which may lose rows."""
        if file.rollback is None:
            return Forecast(file.id, file.apply.checksum, ()), []
        found: list[Change] = []
        forecast = self._run(file.id, file.rollback, file.rollback.is_transactional, found)
        self.after(file.id)
        return forecast, sorted(set(found))

    def _run(self, id: str, text: SqlFile, is_transactional: bool, losses: list[Change] | None = None) -> Forecast:
        postgres.reset_session(self.worker)
        if not is_transactional:
            one = self._alone(text.statements[0], losses, id)
            return Forecast(id, text.checksum, (one,), problems=_problems([one]))
        chosen, left_out = _chosen(text)
        found: list[Foreseen] = []
        postgres.execute(self.worker, "begin")
        postgres.execute(self.worker, _LIMIT)
        # Inside of the transaction: between two, the server sends its counts of scans away, and begins again at 0.
        watcher = Watcher(self.worker, self.observer)
        problems: tuple[str, ...] = ()
        try:
            before = loss.state(self.worker) if losses is not None else {}
            found += [_online(text, self._one(watcher, statement)) for statement in chosen]
            if losses is not None:
                losses += loss.changes(before, loss.state(self.worker), by_lock=True)
            postgres.execute(self.worker, "commit")
        except ServerError as error:
            problems = (error.message,)
        finally:
            with suppress(ServerError):
                postgres.execute(self.worker, "rollback")
        return Forecast(id, text.checksum, tuple(found), left_out, (*_problems(found), *problems))

    def _one(self, watcher: Watcher, statement: Statement) -> Foreseen:
        """Run a statement of a transaction; take it back if it failed or changed more than this database."""
        bare = COMMENTS.sub(" ", statement.text)
        if _OUTSIDE.search(bare) and not _ROUTINE.match(bare):
            return self._unseen(statement, _BEYOND, is_transactional=True)
        postgres.execute(self.worker, "savepoint chatschema_trial")
        try:
            postgres.execute_text(self.worker, statement.text)
            now = watcher.look(only_locks=bool(_LIGHT.match(statement.text)))
            why, is_refused = _GLOBAL if now.is_global else "", False
        except ServerError as error:
            why, is_refused = error.message, True
        if why:
            postgres.execute(self.worker, "rollback to savepoint chatschema_trial")
            return self._unseen(statement, why, is_transactional=True, is_refused=is_refused)
        # Each savepoint would hold a lock until the end, and a file may have thousands of statements.
        postgres.execute(self.worker, "release savepoint chatschema_trial")
        locks, work = watcher.since(now)
        watcher.keep(now)
        if _TRUNCATE.match(statement.text):
            # The new files are empty, whatever was in the old ones.
            work = ()
        return _seen(statement, locks, work, watcher.roots(work), is_transactional=True)

    def _alone(self, statement: Statement, losses: list[Change] | None, id: str) -> Foreseen:
        """Run a statement outside of a transaction, if it is of a kind that stays in this database and whose locks are known."""
        kind = alone.of(self.observer, statement.text)
        if losses is not None and not loss.LOSES_NOTHING.match(COMMENTS.sub(" ", statement.text)):
            losses.append(Change(f"rollback of {id}", "unseen"))
        if kind is None:
            return self._unseen(statement, "it runs outside of a transaction, and is not tried on a copy", is_transactional=False)
        watcher = Watcher(self.worker, self.observer)
        locks, work = watcher.named(kind.locks), kind.work
        try:
            postgres.execute_text(self.worker, statement.text)
        except ServerError as error:
            return self._unseen(statement, error.message, is_transactional=False, is_refused=True)
        return _seen(statement, locks, work, watcher.roots(work), is_transactional=False)

    def _unseen(self, statement: Statement, why: str, *, is_transactional: bool, is_refused: bool = False) -> Foreseen:
        locks = self.read(statement.text)
        source: Source = "unknown" if locks is None else "text"
        text, line, start = statement.text, statement.line, statement.start
        return Foreseen(
            text, line, start, is_transactional, locks or (), None, None, (), source, why, is_refused=is_refused
        )  # fmt: skip


def _seen(
    statement: Statement, locks: tuple[TableLock, ...], work: tuple[Work, ...], roots: dict[str, str], *, is_transactional: bool
) -> Foreseen:
    rewrites = sorted({roots[one.table] for one in work if one.is_rewrite})
    scans = sorted({roots[one.table] for one in work if one.is_scan and not one.is_rewrite})
    text, line, start = statement.text, statement.line, statement.start
    about_rows = bool(_ABOUT_ROWS.match(text)) and not _VALUES.match(text.encode())
    return Foreseen(text, line, start, is_transactional, locks, tuple(rewrites), tuple(scans), work, is_about_rows=about_rows)


def _online(text: SqlFile, one: Foreseen) -> Foreseen:
    """Return the statement with migrate's lock: with `-- online: index` it builds the index of a plain table concurrently."""
    if not text.is_online_index:
        return one
    locks = tuple(
        replace(lock, mode="ShareUpdateExclusiveLock") if lock.mode == "ShareLock" and not lock.partitions else lock
        for lock in one.locks
    )
    return replace(one, locks=locks)


def of_text(id: str, text: SqlFile, read: Reading) -> Forecast:
    """Return the forecast of a file that is not run: the locks that its statements say they take."""
    chosen, left_out = _chosen(text)
    found, held = [], set[TableLock]()
    for statement in chosen:
        locks = read(statement.text)
        source: Source = "unknown" if locks is None else "text"
        new = tuple(lock for lock in locks or () if lock not in held)
        held.update(new)
        start = statement.start
        one = Foreseen(statement.text, statement.line, start, text.is_transactional, new, None, None, (), source)
        found.append(_online(text, one))
    return Forecast(id, text.checksum, tuple(found), left_out)


def of_new(file: MigrationFile) -> Forecast:
    """Return the forecast of a file for a database that has no table yet: nobody waits for its locks."""
    chosen, left_out = _chosen(file.apply)
    is_transactional = file.apply.is_transactional
    found = tuple(Foreseen(one.text, one.line, one.start, is_transactional, source="text") for one in chosen)
    return Forecast(file.id, file.apply.checksum, found, left_out)


def _chosen(text: SqlFile) -> tuple[list[Statement], int]:
    """Return the statements to run, and the number of inserts that are left out because there are too many."""
    places = text.statements
    chosen, inserts, left_out = [], 0, 0
    for index, start in enumerate(places.starts):
        if _VALUES.match(places.content, start):
            inserts += 1
            if inserts > _INSERTS:
                left_out += 1
                continue
        chosen.append(index)
    return [places[index] for index in chosen], left_out


def _problems(found: list[Foreseen]) -> tuple[str, ...]:
    return tuple(f"line {one.line}: {one.why}" for one in found if one.why)
