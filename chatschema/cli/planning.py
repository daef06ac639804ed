"""Printing a plan: a script for psql with the locks in comments, or a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatschema import units
from chatschema.cli import console, plan_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatschema.migration.files import MigrationFile
    from chatschema.migration.forecast.estimate import Estimated
    from chatschema.migration.forecast.values import Foreseen, TableLock
    from chatschema.postgres import Connection
    from chatschema.sqlfile import SqlFile
    from chatschema.task.migrating import Plan
    from chatschema.task.planning import Foresight, Sized
    from chatschema.values import Settings

_MODES = {
    "AccessShareLock": "access share", "RowShareLock": "row share", "RowExclusiveLock": "row exclusive",
    "ShareUpdateExclusiveLock": "share update exclusive", "ShareLock": "share", "ShareRowExclusiveLock": "share row exclusive",
    "ExclusiveLock": "exclusive", "AccessExclusiveLock": "access exclusive",
}  # fmt: skip
# A shorter time is not worth a word.
_SHORT_MS = 100


def planned(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    to: str | None,
    only_expand: bool,
    scratch: str | None,
    as_json: bool,
) -> None:
    """Print what migrate would do, and change nothing."""
    from chatschema.migration.batch import header
    from chatschema.task import migrating

    plan = migrating.planned(settings, connection, files, to=to, only_expand=only_expand, scratch=scratch, say=console.note)
    checked = plan_findings.check(connection, files, plan.pending)
    if as_json:
        console.as_json({**_document(plan), "findings": checked.document})
        migrating.refuse_planned(connection, plan)
        return
    _print_head(plan)
    for file in plan.pending:
        plan_findings.print_of(file, checked)
        if locked := plan.locks.get(file.id):
            console.answer(f"-- locks before its first statement: {', '.join(map(str, locked))}")
        known = "" if plan.foresight.copy else "not known before, and are "
        for line, word in plan.unread.get(file.id, ()):
            console.answer(f"-- line {line} runs code ({word}): its locks are {known}not taken before")
        if batch := header.of(file.apply):
            console.answer(f"-- migrate runs it in batches of {batch.table} by {batch.key}, not as one statement")
        print_file(f"migration {file.id}", file.apply, plan.sized.statements[file.id])
    _print_months(connection, plan)
    plan_findings.note_counts(checked)
    _print_end(settings, plan)
    migrating.refuse_planned(connection, plan)


def _print_head(plan: Plan) -> None:
    if plan.pending:
        console.answer(f"-- plan {plan.foresight.hash}")
    print_tables(plan.foresight, plan.sized)


def print_tables(foresight: Foresight, sized: Sized) -> None:
    """Print where the locks come from, and the tables that are locked."""
    for text in _origin(foresight):
        console.answer(f"-- {text}")
    for table in sized.tables:
        size = "size unknown" if table.bytes is None else units.size(table.bytes)
        writes, scans = _rate(table.writes_per_s), _rate(table.scans_per_s)
        console.answer(_one_line(f"-- {table.relation}: {size}, {writes} rows written/s, {scans} scans/s"))


def _rate(per_second: float) -> str:
    return f"{per_second:.0f}" if per_second >= 1 else "under 1"


def _origin(foresight: Foresight) -> list[str]:
    if foresight.is_first or not foresight.forecasts:
        return []
    if foresight.copy is None:
        return [_one_line(f"locks as the statements name them, because no copy of the structure was made: {foresight.why}")]
    text = f"locks found on a copy of the structure, on {foresight.copy}"
    if foresight.other_version:
        text += f", PostgreSQL {foresight.other_version[0]}; the database is on {foresight.other_version[1]}"
    missing = [f"not in the copy: {one}" for one in foresight.missing[:3]]
    if len(foresight.missing) > len(missing):
        missing.append(f"and {len(foresight.missing) - len(missing)} more")
    return [text, *map(_one_line, missing)]


def _print_months(connection: Connection, plan: Plan) -> None:
    from chatschema.task import months

    for month in plan.months:
        console.answer(f"-- partition {month.name}")
        for statement in months.statements(month):
            console.answer(statement.as_string(connection).rstrip() + ";")


def _print_end(settings: Settings, plan: Plan) -> None:
    if plan.waiting:
        console.note(f"waiting for migrate without --phase: {', '.join(file.id for file in plan.waiting)}")
    for forecast in plan.foresight.forecasts:
        if plan.foresight.copy is not None:
            for problem in forecast.problems:
                console.note(f"{forecast.id} {problem}", "warning:")
    if not plan.pending and not plan.months:
        console.note("nothing to do")
        return
    counts = f"{console.count(len(plan.pending), 'migration')}, {console.count(len(plan.months), 'partition')}"
    only = f" --plan-hash {plan.foresight.hash}" if settings.planning.require_plan and plan.pending else ""
    console.note(f"pending: {counts}. Nothing was changed; to apply: chatschema migrate{only}")


def print_file(title: str, file: SqlFile, statements: Sequence[Estimated] = ()) -> None:
    """Print the SQL of a file as it would run, after a comment, and each statement that locks a table after its locks."""
    from chatschema.migration.batch import header

    text = header.Whole(file) if header.of(file) else file
    wrap = ("begin;\n", "commit;\n") if file.is_transactional else ("", "")
    end = "" if text.content.rstrip().endswith(b";") or not len(text.statements) else ";"
    console.answer(f"-- {title}\n{wrap[0]}{_narrated(text.shown, statements).rstrip()}{end}\n{wrap[1]}")


def _narrated(content: bytes, statements: Sequence[Estimated]) -> str:
    """Return the text with a comment before each statement that has something to tell."""
    pieces, copied = [], 0
    for one in statements:
        if told := _told(one):
            start = one.statement.start
            begins_line = start == 0 or content[start - 1 : start] == b"\n"
            pieces += [content[copied:start].decode(), "" if begins_line else "\n", f"-- {told}\n"]
            copied = start
    return "".join([*pieces, content[copied:].decode()])


def _told(one: Estimated) -> str:
    """Return the locks, the work and the time of a statement; nothing for one without any."""
    statement = one.statement
    if statement.source == "unknown":
        return _one_line(f"locks unknown; on the copy: {statement.why}" if statement.why else "locks unknown: it runs code")
    words = [f"locks: {'; '.join(_locks(statement.locks))}"] if statement.locks else []
    if statement.rewrites:
        words.append(f"rewrites {', '.join(statement.rewrites)}")
    if one.scans:
        words.append(f"reads {', '.join(one.scans)}")
    if words and one.bytes:
        words[-1] += f" ({units.size(one.bytes)})"
    if one.estimate_ms is not None and one.estimate_ms >= _SHORT_MS:
        words.append(f"about {units.duration(one.estimate_ms)}")
    if words and not statement.transactional:
        words.append("not in a transaction")
    if words and statement.why:
        words.append(f"by its text; on the copy: {statement.why}")
    return _one_line("; ".join(words))


def _locks(locks: Sequence[TableLock]) -> list[str]:
    """Return the locks of each mode, the strongest first, with their tables."""
    modes = [mode for mode in reversed(_MODES) if any(lock.mode == mode for lock in locks)]
    return [f"{_MODES[mode]} on {', '.join(_table(lock) for lock in locks if lock.mode == mode)}" for mode in modes]


def _table(lock: TableLock) -> str:
    parts = console.count(lock.partitions, "partition")
    if not lock.is_parent:
        return f"{parts} of {lock.relation}"
    return f"{lock.relation} and {parts}" if lock.partitions else lock.relation


def _one_line(text: str) -> str:
    """Return the text without line breaks: the rest of a comment would be run as SQL."""
    return " ".join(text.split())


def _document(plan: Plan) -> dict[str, Any]:
    waiting = [{"id": file.id, "title": file.title} for file in plan.waiting]
    locks = [{"id": id, "table": one.table, "mode": one.mode.words} for id, found in plan.locks.items() for one in found]
    unread = [{"id": id, "line": line, "statement": word} for id, found in plan.unread.items() for line, word in found]
    return {
        "pending": files(plan.pending, plan.foresight, plan.sized),
        "partitions": list(plan.months),
        "waiting": waiting,
        "locks": locks,
        "unread": unread,
        "plan_hash": plan.foresight.hash,
        **tables(plan.foresight, plan.sized),
    }


def files(pending: Sequence[MigrationFile], foresight: Foresight, sized: Sized) -> list[dict[str, Any]]:
    """Return the files of a plan for a document."""
    hashes = dict(foresight.parts)
    left_out = {one.id: one.left_out for one in foresight.forecasts}
    return [
        {
            "id": file.id,
            "title": file.title,
            "hash": hashes.get(file.id),
            "statements": [_statement(one, file) for one in sized.statements.get(file.id, ())],
            "left_out": left_out.get(file.id, 0),
        }
        for file in pending
    ]


def tables(foresight: Foresight, sized: Sized) -> dict[str, Any]:
    """Return where the locks come from, and the tables that are locked, for a document."""
    problems = [f"{one.id} {text}" for one in foresight.forecasts for text in one.problems]
    copy = {"on": foresight.copy, "why_not": foresight.why or None, "missing": list(foresight.missing), "problems": problems}
    return {"copy": copy, "tables": list(sized.tables)}


def _statement(one: Estimated, file: MigrationFile) -> dict[str, Any]:
    statement = one.statement
    return {
        "sql": _shown(statement, file),
        "line": statement.line,
        "transactional": statement.transactional,
        "locks": [
            {"relation": lock.relation, "mode": lock.mode, "partitions": lock.partitions, "parent": lock.is_parent}
            for lock in statement.locks
        ],
        "rewrites": None if statement.rewrites is None else list(statement.rewrites),
        "scans": None if one.scans is None else list(one.scans),
        "bytes": one.bytes,
        "estimate_ms": one.estimate_ms,
        "source": statement.source,
        "why": statement.why or None,
    }


def _shown(statement: Foreseen, file: MigrationFile) -> str:
    """Return the text of a statement, without values that are secrets."""
    sql = statement.sql.encode()
    place = slice(statement.start, statement.start + len(sql))
    texts = [text for text in (file.apply, file.rollback) if text and text.content[place] == sql]
    return (texts[0].shown[place] if texts else sql).decode()
