"""Printing a rehearsal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatschema import units
from chatschema.cli import console, session
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from chatschema.migration.rehearsal.steps import Rehearsal, Step
    from chatschema.postgres import Connection
    from chatschema.task.rehearsing import Choice
    from chatschema.values import Settings

# Below this the times of the copy stand for those of the database as they are.
_NOTICEABLE = 1.1


def refuse_options(copy: str | None, scratch: str | None, others: Mapping[str, object], *, is_rehearsal: bool) -> None:
    """Raise UsageError for options that do not go together."""
    if not is_rehearsal:
        if copy is not None:
            raise UsageError("--copy needs --rehearse", "add --rehearse", code="usage.options")
        return
    if given := next((name for name, value in others.items() if value), None):
        raise UsageError(f"--rehearse and {given} cannot be combined", "use one of them", code="usage.options")
    if copy is None and scratch is None:
        raise UsageError(
            "a rehearsal needs rows, and no copy is named",
            "name a restored copy: --copy URL; or a server on which some rows are copied: --scratch embedded, same or URL",
            code="rehearse.place",
        )


def rehearsed(
    live: Settings,
    connection: Connection,
    choice: Choice,
    copy: str | None,
    scratch: str | None,
    sql_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run the rehearsal, and print it."""
    from chatschema.task import rehearsing

    there = session.settings(copy, sql_dir) if copy is not None else None
    found = rehearsing.rehearse(live, connection, choice, copy=there, scratch=scratch, say=console.note)
    if as_json:
        console.as_json(_document(found))
    elif found is None:
        console.answer("nothing to do")
    else:
        _print(found)


def _print(found: Rehearsal) -> None:
    console.answer(f"rehearsed on {found.copy}: {units.size(found.copy_bytes)}; the database has {units.size(found.bytes)}")
    rates = ", ".join(f"{one.name} {one.per_s:.0f}/s" for one in found.shapes)
    console.answer(f"load: {rates or 'none'}; rates {found.load_source}")
    console.answer(f"longest wait before the first migration: {units.duration(found.usual_ms)}")
    for step in found.steps:
        _print_step(step)
    if len(found.steps) > 1:
        console.answer(f"in total: {_figures(found.total)}")
    for note in found.notes:
        console.note(note, "warning:")
    if not found.is_own:
        console.note("the copy is migrated now: restore it before the next rehearsal")
    console.note("Nothing was changed in the database; to apply: chatschema migrate")


def _print_step(step: Step) -> None:
    console.answer(f"{step.id}: {_figures(step)}")
    if not 1 / _NOTICEABLE <= step.factor <= _NOTICEABLE:
        took = f"{units.duration(step.duration_ms)}, longest wait {units.duration(step.wait_ms)}, {units.size(step.wal_bytes)} WAL"
        console.answer(f"    on the copy: {took}; the database has {step.factor:.1f} times as much to do")
    for name, (count, error) in sorted(step.failures.items()):
        console.answer(f"    {name} failed {console.count(count, 'time')}: {error}")


def _figures(step: Step) -> str:
    wait, wal, took = units.duration(step.estimate_wait_ms), units.size(step.estimate_wal_bytes), units.duration(step.estimate_ms)
    return f"longest wait of others {wait}, {wal} WAL, {took}"


def _document(found: Rehearsal | None) -> dict[str, object]:
    """Return a rehearsal for programs."""
    if found is None:
        return {"copy": None, "load": None, "migrations": [], "total": None, "notes": []}
    shapes = [{"name": one.name, "per_s": one.per_s, "known_per_s": one.known_per_s} for one in found.shapes]
    return {
        "copy": {"on": found.copy, "is_dropped": found.is_own, "bytes": found.copy_bytes, "database_bytes": found.bytes},
        "load": {"queries": shapes, "rates": found.load_source, "usual_wait_ms": found.usual_ms},
        "migrations": [
            {
                "id": one.id,
                "title": one.title,
                **_numbers(one),
                "factor": round(one.factor, 2),
                "measured": {"duration_ms": one.duration_ms, "longest_wait_ms": one.wait_ms, "wal_bytes": one.wal_bytes},
                "failures": [
                    {"name": name, "count": count, "error": error} for name, (count, error) in sorted(one.failures.items())
                ],
            }
            for one in found.steps
        ],
        "total": _numbers(found.total),
        "notes": list(found.notes),
    }


def _numbers(step: Step) -> dict[str, object]:
    return {"duration_ms": step.estimate_ms, "longest_wait_ms": step.estimate_wait_ms, "wal_bytes": step.estimate_wal_bytes}
