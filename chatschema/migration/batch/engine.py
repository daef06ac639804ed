"""Running the batches of a migration: each in its own transaction, with its cursor, until no row is left."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from chatschema import audit, postgres
from chatschema.errors import LOCK_SQLSTATES, Busy, ChatschemaError, ServerError
from chatschema.migration.batch import bounds, record
from chatschema.migration.batch.pace import Pace
from chatschema.migration.batch.progress import Progress
from chatschema.migration.batch.record import Batch, Work
from chatschema.postgres import Connection, Say
from chatschema.postgres.watch import Watch
from chatschema.values import Batching

# Ranges that are held one after the other: each is twice as long as the one before, up to so many rows. After more of them it
# is the table that is locked, and nothing is set aside any more.
_HELD_IN_A_ROW, _HELD_ROWS = 20, 1024
_LONGEST_PAUSE_S, _PATIENCE_S = 5.0, 600.0
# Rounds over rows that are left after the first one: restored months, and rows that the application sent meanwhile.
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class _Step:
    """A batch that has committed: which part of the round, of which size, and how many rows."""

    kind: Literal["rows", "held", "round", "end"]
    size: int = 0
    rows: int = 0
    read: int = 0
    statement_s: float = 0


def run(connection: Connection, id: int, limits: Batching, *, before: Callable[[], None] = lambda: None, say: Say) -> Batch:
    """Run batches until no row is left; the caller records that the migration is applied, and holds record.running().

    `before` is called before each batch. Raises what it raises; Busy while the batches are paused, and after ten minutes behind
    held rows; ChatschemaError when the statement is refused, or leaves rows. Everything that was committed is kept, and the next
    run continues after it.
    """
    work = _known(record.work(connection, id, locked=False))
    say(f"{work.batch.migration}: {'continues' if work.batch.batches else 'begins'} as batch {id}: chatschema batch list")
    with closing(Watch(connection)) as watch:
        runner = _Runner(connection, work, limits, watch, before, say)
        before()
        while runner.step():
            before()
    return _known(record.work(connection, id, locked=False)).batch


def _known(work: Work | None) -> Work:
    if work is None:
        raise ChatschemaError(
            "the batches were canceled: undo took their migration back", "see: chatschema status", code="batch.canceled"
        )
    return work


class _Runner:
    """The state of a run that no table holds: the pace, and how often it was held up."""

    def __init__(
        self, connection: Connection, work: Work, limits: Batching, watch: Watch, before: Callable[[], None], say: Say
    ) -> None:
        self._connection, self._id, self._watch, self._before = connection, work.batch.id, watch, before
        self._say: Say = lambda text: say(f"{work.batch.migration}: {text}")
        self._pace = Pace(connection, limits, work, self._may_go_on, self._say)
        self._progress = Progress(work, self._say)
        self._timeout = f"{max(limits.target_ms, 50):.0f}ms"
        self._in_a_row = self._failures = self._turn = 0
        self._work, self._size = work, self._pace.size
        self._held_since: float | None = None

    def step(self) -> bool:
        """Run one batch, or what stands in its place; return whether there is more to do."""
        started = time.monotonic()
        try:
            with self._watch.waiting():
                step = self._in_transaction()
        except ServerError as error:
            if error.sqlstate not in LOCK_SQLSTATES:
                raise self._refused(error) from error
            self._held_up()
            return True
        if step.kind == "end":
            return False
        if step.kind in ("rows", "held"):
            self._in_a_row = self._failures = 0
            self._held_since = None
            self._progress.add(step.rows, step.read)
        if step.kind == "held":
            self._pace.rest(time.monotonic() - started)
        if step.kind == "rows":
            self._pace.took(step.size, step.rows, step.statement_s, time.monotonic() - started)
        return True

    def _may_go_on(self) -> None:
        """Raise while the batches are paused, if they were canceled, and what `before` raises."""
        self._before()
        if (batch := _known(record.work(self._connection, self._id, locked=False)).batch).state == "paused":
            raise _paused(batch)

    def _in_transaction(self) -> _Step:
        with postgres.transaction(self._connection):
            postgres.execute(self._connection, "select set_config('lock_timeout', %s, true)", (self._timeout,))
            work = _known(record.work(self._connection, self._id))
            if work.batch.state == "paused":
                raise _paused(work.batch)
            self._size = self._pace.read(work)
            self._work = work
            if work.cursor != work.end:
                return self._rows(work)
            if work.held:
                return self._held(work)
            return self._round(work)

    def _rows(self, work: Work) -> _Step:
        high = bounds.next_bound(self._connection, work, self._size)
        started = time.monotonic()
        rows = self._change(work, work.cursor, high or work.end)
        statement_s = time.monotonic() - started
        # The last batch of a round is smaller, and its statement knows how many rows it has.
        read = min(self._size, rows) if high is None else self._size
        record.advance(self._connection, self._id, high or work.end, done=rows, read=read, size=self._pace.size)
        return _Step("rows", self._size, rows, read, statement_s)

    def _change(self, work: Work, low: str | None, high: str) -> int:
        """Run the statement for a range; where the table has the trail's triggers, one row of the trail is for all of its rows."""
        is_logged = audit.is_table_logged(self._connection, work.batch.table)
        if is_logged:
            audit.as_batch(self._connection)
        rows = bounds.run(self._connection, work, low, high)
        if is_logged and rows:
            details = {"rows": rows, "after": low, "last": high}
            audit.record(self._connection, "batch.run", "migration", work.batch.migration, table=work.batch.table, **details)
        return rows

    def _held(self, work: Work) -> _Step:
        """Run the statement for one of the ranges that were held, each time another one."""
        chosen = work.held[self._turn % len(work.held)]
        rows = self._change(work, *chosen)
        record.release(self._connection, self._id, tuple(one for one in work.held if one != chosen), done=rows)
        return _Step("held", 1, rows, rows)

    def _round(self, work: Work) -> _Step:
        """Begin a further round if rows are left. Rows behind its end came later, and are no reason to begin it again and again."""
        is_further = work.batch.round > 1
        if not bounds.is_left(self._connection, work, within=is_further):
            if is_further and bounds.is_left(self._connection, work, within=False):
                self._say(
                    "warning: rows that were sent meanwhile are left; a default or a trigger has to fill them: an earlier file"
                )
            return _Step("end")
        if work.batch.round > _ROUNDS:
            raise ChatschemaError(
                f"{work.batch.migration}: rows still meet the condition left after {_ROUNDS} further rounds: {work.left}",
                "correct the statement or the condition so that a row that is done does not meet it; first: chatschema undo",
                code="batch.left",
            )
        self._say("rows are left, in a restored month or sent meanwhile; a further round begins")
        record.begin_round(self._connection, self._id, bounds.last(self._connection, work) or work.end)
        return _Step("round")

    def _held_up(self) -> None:
        """Take a smaller batch; set the rows aside that are held; and if nothing else is left, wait."""
        work = self._work
        self._held_since = self._held_since or time.monotonic()
        if work.cursor != work.end and self._size > 1:
            self._pace.size = self._size
            self._pace.halve()
        elif work.cursor != work.end:
            if self._in_a_row >= _HELD_IN_A_ROW or not self._locally(self._set_aside):
                self._wait("a lock")
            self._in_a_row += 1
        elif not work.held:
            self._wait("a lock")
        elif not self._locally(self._part):
            self._turn += 1
            # Only after each of the ranges was tried.
            if not self._turn % len(work.held):
                self._wait("rows that other sessions hold")

    def _wait(self, what: str) -> None:
        """Pause, longer each time. Raises Busy after ten minutes without a batch that could be committed."""
        words, hint = self._watch.words()
        if time.monotonic() - (self._held_since or 0) > _PATIENCE_S:
            text = f"{self._work.batch.migration}: gave up waiting for {what}{words}; all other rows are done"
            raise Busy(text, hint, code="batch.held")
        self._watch.start(poll_s=0.05)
        self._failures += 1
        if self._failures in (2, 5) or self._failures % 20 == 0:
            self._say(f"waiting for {what}{words}")
        time.sleep(min(0.2 * 1.5**self._failures, _LONGEST_PAUSE_S))

    def _locally(self, change: Callable[[Work], bool]) -> bool:
        """Change the row of the batches alone, in a transaction; return whether that was possible."""
        try:
            with postgres.transaction(self._connection):
                postgres.execute(self._connection, "select set_config('lock_timeout', %s, true)", (self._timeout,))
                return change(_known(record.work(self._connection, self._id)))
        except ServerError as error:
            if error.sqlstate not in LOCK_SQLSTATES:
                raise
            return False

    def _set_aside(self, work: Work) -> bool:
        """Go on behind the next row, which is held; if the one before it was as well, behind more of them."""
        size = min(2**self._in_a_row, _HELD_ROWS)
        record.set_aside(self._connection, self._id, work.cursor, bounds.next_bound(self._connection, work, size) or work.end)
        return True

    def _part(self, work: Work) -> bool:
        """Part a range into rows that are held and rows that are free, which come first; return whether it has some of both."""
        chosen = work.held[self._turn % len(work.held)]
        found = bounds.runs(self._connection, work, *chosen)
        if len(found) < 2:
            return False
        free, held = ([one[:2] for one in found if one[2] is is_held] for is_held in (False, True))
        record.part(self._connection, self._id, (*free, *(one for one in work.held if one != chosen), *held))
        self._turn = 0
        return True

    def _refused(self, error: ServerError) -> ChatschemaError:
        """Return the error of a statement that the server refused; one about the connection is passed on."""
        if error.exit_code != ChatschemaError.exit_code:
            return error
        batch = self._work.batch
        hint = f"earlier batches are kept; correct the rows and run it again: {command(batch)}; or take it back: chatschema undo"
        if not batch.batches:
            hint = "no row was changed; correct the file, or the rows, and run: chatschema migrate"
        text = f"{batch.migration}: a batch was refused and rolled back: {error.message}"
        return ChatschemaError(text, hint, code="batch.failed")


def _paused(batch: Batch) -> Busy:
    return Busy(
        f"the batches of {batch.migration} are paused; {batch.rows_done} rows are done",
        f"let them go on: chatschema batch resume {batch.id}; then: {command(batch)}",
        code="batch.paused",
    )


def command(batch: Batch) -> str:
    """Return the command that continues the batches."""
    return "chatschema migrate" if batch.waits else f"chatschema batch run {batch.id}"
