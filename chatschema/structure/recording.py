"""Recording the changes of each migration or rollback, in its own transaction, without changes made by hand."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.errors import Busy, ServerError
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import comparison, wording
from chatschema.structure.comparison import Difference
from chatschema.values import TABLES

_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# Below deadlock_timeout, as for DDL: the query may lock what a view reads.
_TIMEOUT = "800ms"
# The query that records takes a third of its time to be planned. It runs while the tables of the file are locked, so it is planned
# once, before the first file.
_PREPARED = "chatschema_record"
_GENERIC = "select set_config('plan_cache_mode', 'force_generic_plan', true)"
# Changed by a statement outside of a transaction; after an interruption nobody can tell who changed it.
_OF_ALONE = ("index", "type")


@dataclass(slots=True)
class Run:
    """One run: changes made by hand before it (`kept`), and objects in public that chatschema did not create (`strangers`).

    Without `is_recorded` there is no earlier record, and one record at the end serves all files. `check` is called at the end of
    the transaction of each file, and may raise.
    """

    say: Say
    is_recorded: bool
    kept: list[Difference] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)
    last_id: str | None = None
    check: Callable[[str], None] | None = None


@contextmanager
def recorded(
    connection: Connection, applied: Iterable[str], pending: Iterable[str], *, was_cut_off: bool, writes: bool = True, say: Say
) -> Iterator[Run]:
    """Compare before the first file, and yield the run that records the files. The caller holds the migration lock.

    `applied` and `pending` are the texts of the files that were run and that will be run. A difference is reported until the
    object is as recorded again, or a file of this or a later run changes or names it. `writes`: whether a file will be recorded.
    Raises Busy after a lock timeout.
    """
    if not postgres.has_table(connection, comparison.TABLE):
        with postgres.transaction(connection):
            postgres.execute_text(connection, sqlfile.text_of(comparison.file("table")))
    before = locks.with_lock_retries(connection, lambda: comparison.compare(connection, _TIMEOUT), locks.DDL, say=say)
    run = Run(say, before.is_recorded, list(before.differences), _strangers(connection))
    if before.is_recorded:
        if was_cut_off:
            run.kept = [d for d in run.kept if d.kind not in _OF_ALONE]
        # The leftovers of an interrupted run are no change by hand: the run continues with them.
        told = wording.findings(comparison.seen(replace(before, differences=tuple(run.kept))))
        for finding in told:
            say(f"warning: {finding}")
        if told:
            say(f"warning: {wording.KEEP}; until then chatschema status shows them")
    elif texts := list(applied):
        _know(run, texts)
        say(f"the structure was {before.note.partition(';')[0] if before.note else 'not recorded'}: it is recorded as it is now")
        locks.in_transaction(connection, lambda: write(connection, run, None), locks.DDL, say=say)
        run.is_recorded = True
    if run.is_recorded:
        if writes:
            with postgres.transaction(connection):
                _prepare(connection)
        yield run
        return
    _know(run, pending)
    try:
        yield run
    finally:
        if run.last_id:
            # A failed file was rolled back; if the connection is lost, the next run records.
            with suppress(ServerError, Busy):
                locks.in_transaction(connection, lambda: write(connection, run, run.last_id), locks.DDL, say=say)


def record(connection: Connection, run: Run, migration_id: str, text: str) -> None:
    """Record the changes of the file with this text, at the end of its transaction. Raises ServerError, and as its check."""
    if run.check:
        run.check(migration_id)
    run.last_id = migration_id
    if not run.is_recorded:
        return
    _know(run, [text])
    bare = _COMMENTS.sub(" ", text)
    named = [d for d in run.kept if all(_has(bare, name) for name in d.names)]
    run.kept = [d for d in run.kept if d not in named]
    for difference in named:
        run.say(f"recorded as it is now, because {migration_id} names it: {difference.kind} {difference.object}")
    write(connection, run, migration_id)


def renewed(connection: Connection, *, say: Say) -> Callable[[], None]:
    """Return a function that records the structure as it is then, for a command of chatschema that changes it in a transaction.

    Changes made by hand before this call stay differences. Where nothing is recorded, it does nothing. Raises Busy.
    """
    if not postgres.has_table(connection, comparison.TABLE):
        return lambda: None
    before = locks.with_lock_retries(connection, lambda: comparison.compare(connection, _TIMEOUT), locks.DDL, say=say)
    if not before.is_recorded:
        return lambda: None
    run = Run(say, True, list(before.differences), _strangers(connection))
    return lambda: write(connection, run, None)


def write(connection: Connection, run: Run, migration_id: str | None) -> None:
    """Make the record equal to the catalog, without the kept differences and the foreign objects."""
    kept = json.dumps([{"kind": d.kind, "object": d.object, "definition": d.found} for d in run.kept])
    _prepare(connection)
    postgres.execute(connection, comparison.settings(_TIMEOUT))
    postgres.execute(connection, _GENERIC)
    values = (kept, list(run.strangers), comparison.form(connection), migration_id)
    postgres.execute(connection, _execute(*values))


def _prepare(connection: Connection) -> None:
    """Parse and plan the query that records, in a transaction, unless the session has done so already."""
    query = "select exists (select from pg_catalog.pg_prepared_statements where name = %s)"
    if postgres.fetch_one(connection, query, (_PREPARED,))[0]:
        return
    live = sqlfile.fill(comparison.file("normal_form"), which=sql.SQL("object <> all ($2)"))
    record = sqlfile.fill(
        comparison.file("record"), kept=sql.SQL("$1"), normal_form=live, form=sql.SQL("$3"), migration_id=sql.SQL("$4")
    )
    postgres.execute(connection, comparison.settings(_TIMEOUT))
    postgres.execute(connection, _GENERIC)
    postgres.execute(connection, sql.SQL("prepare {} (jsonb, text[], text, text) as {}").format(sql.Identifier(_PREPARED), record))
    postgres.execute(connection, sql.SQL("explain ") + _execute("[]", [], "", None))


def _execute(kept: str, strangers: list[str], form: str, migration_id: str | None) -> sql.Composed:
    values = sql.SQL(", ").join(sql.Literal(value) for value in (kept, strangers, form, migration_id))
    return sql.SQL("execute {} ({})").format(sql.Identifier(_PREPARED), values)


def _strangers(connection: Connection) -> dict[str, str]:
    query = sqlfile.fill(comparison.file("strangers"), tables=sql.Literal(list(TABLES)))
    return dict(postgres.fetch_all(connection, query))


def _know(run: Run, texts: Iterable[str]) -> None:
    """Count the objects that the files create as chatschema's, even if they existed before."""
    for text in texts:
        bare = _COMMENTS.sub(" ", text)
        if re.search(r"(?i)\bcreate\b", bare):
            run.strangers = {object: name for object, name in run.strangers.items() if not _creates(bare, name)}


def _creates(text: str, name: str) -> bool:
    return re.search(rf'(?i)\bcreate\b[^;(]*?(?<![\w"])"?{re.escape(name)}(?!\w)', text) is not None


def _has(text: str, name: str) -> bool:
    return re.search(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", text) is not None
