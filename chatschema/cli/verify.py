"""chatschema verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from chatschema.structure.drift import Drift
    from chatschema.task.verifying import Verified

# Longer ones are in the documents that --json and --sql print.
_LONGEST = 200


def verify(
    against: Annotated[
        str | None, typer.Option("--against", metavar="URL", help="Compare with this database, instead of the migrations.")
    ] = None,
    scratch: options.Replay = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print only the SQL that reconciles, as a script for psql.")] = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Compare the database with its applied migrations, and print the SQL that reconciles it.

    The migrations are replayed in a scratch database, which is dropped afterwards. Exit 3 if the database differs.
    """
    from chatschema.migration import files as migration_files
    from chatschema.task import verifying

    if sum((json, sql)) > 1 or (against is not None and scratch is not None):
        pair = "--against and --scratch" if against is not None and scratch is not None else "--json and --sql"
        raise UsageError(f"{pair} cannot be combined", "use one of them", code="usage.options")
    settings = session.settings(url, sql_dir)
    elsewhere = session.elsewhere(scratch)
    with session.connected(settings, wait_s=wait, writes=False) as (live, connection):
        if against is not None:
            with session.connected(session.settings(against, sql_dir), writes=False) as (_, other):
                found = verifying.against(live, connection, other)
        else:
            files = migration_files.discover(live.sql_dir / "migrations")
            found = verifying.verify(live, connection, files, scratch=elsewhere, say=console.note)
    for entry in found.unused:
        console.note(f"warning: [[verify.ignore]] {entry.object} in chatschema.toml matches no difference")
    if json:
        ignored = [{**document(one.difference), "reason": one.reason} for one in found.ignored]
        counts = {"compared_with": found.compared_with, "objects": found.objects, "partitions": found.partitions}
        console.as_json({**counts, "differences": [document(one) for one in found.differences], "ignored": ignored})
    elif sql:
        _print_script(found)
    else:
        _print(found)
    if found.differences:
        raise typer.Exit(ExitCode.FINDINGS)


def document(one: Drift) -> dict[str, object]:
    """Return a difference for programs."""
    return {
        "kind": one.kind,
        "object": one.object,
        "difference": one.difference,
        "expected": one.expected,
        "found": one.found,
        "sql": list(one.sql),
        "note": one.note,
    }


def _print_script(found: Verified) -> None:
    console.answer("-- Statement by statement, not in one transaction: psql -v ON_ERROR_STOP=1 -f")
    for one in found.differences:
        console.answer(f"\n-- {one.kind} {one.object} {_what(one)}" + (f": {one.note}" if one.note else ""))
        for statement in one.sql:
            console.answer(statement)


def print_difference(one: Drift) -> None:
    """Print a difference with its definitions, its note and its SQL."""
    console.answer(f"{one.kind} {one.object} {_what(one)}")
    if one.difference == "differs" and len(f"{one.expected}{one.found}") <= _LONGEST:
        console.answer(f"    expected: {one.expected}")
        console.answer(f"    found:    {one.found}")
    if one.note:
        console.answer(f"    note: {one.note}")
    for statement in one.sql:
        is_long = len(statement) > _LONGEST or "\n" in statement
        console.answer("    (a long statement: chatschema verify --sql)" if is_long else f"    {statement}")


def _print(found: Verified) -> None:
    for one in found.differences:
        print_difference(one)
    for ignored in found.ignored:
        console.answer(
            f"ignored: {ignored.difference.kind} {ignored.difference.object} {_what(ignored.difference)}: {ignored.reason}"
        )
    if found.differences or found.ignored:
        console.answer()
    size = f"{found.objects} objects and {found.partitions} partitions"
    console.answer(f"compared {size} with {found.compared_with}: {count(len(found.differences))}")
    if found.differences:
        console.note("to revert a change, run its SQL; to keep it, write a migration that makes it; to ignore it, add it to")
        console.note("chatschema.toml: [[verify.ignore]] with object and reason")


def _what(one: Drift) -> str:
    return {"missing": "is missing", "extra": "is extra", "differs": "differs"}[one.difference]


def count(number: int) -> str:
    """Return the number of differences in words."""
    return "no difference" if not number else "1 difference" if number == 1 else f"{number} differences"
