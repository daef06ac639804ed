"""migrate --fleet and status --fleet."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from chatschema.cli import console
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatschema.config.fleet import Fleet
    from chatschema.migration.files import MigrationFile
    from chatschema.structure.fleet import Drift
    from chatschema.task.fleet import Outcome, Place

_TOLD = 20


def migrate(
    path: Path,
    *,
    to: str | None,
    only_expand: bool,
    options: Sequence[str],
    waves: int | None,
    dry_run: bool,
    json: bool,
    sql_dir: Path | None,
) -> None:
    """Migrate the databases of a fleet; raise typer.Exit if one of them failed."""
    from chatschema.task import fleet as task

    fleet, files = _read(path, sql_dir)
    last = _resolve(to, files)
    places = task.survey(fleet, files, to=last, only_expand=only_expand, with_structure=dry_run)
    if dry_run:
        _print_places(places, json=json)
        return
    task.refuse(places)
    outcomes: list[Outcome] = []
    chosen = [*options, *(("--to", last) if last else ()), *(("--phase", "expand") if only_expand else ())]
    chosen += ["--sql-dir", str(sql_dir)] if sql_dir else []
    steps = task.run(fleet, places, chosen, os.environ, waves=waves, say=console.note)
    with closing(steps):  # type: ignore[type-var]  # a generator
        for one in steps:
            outcomes.append(one)
            if not json:
                _print_outcome(one)
    if json:
        console.as_json({"fleet": [_outcome(place, outcomes) for place in places]})
    _print_rest(places, outcomes)
    if failed := next((one for one in outcomes if one.exit_code), None):
        raise typer.Exit(failed.exit_code if failed.exit_code > 0 else ExitCode.FAILED)


def status(path: Path, *, check: bool, only_expand: bool, json: bool, sql_dir: Path | None) -> None:
    """Print where each database stands, and how they differ; with `check` raise typer.Exit unless all are up to date and alike."""
    from chatschema.task import fleet as task

    fleet, files = _read(path, sql_dir)
    places = task.survey(fleet, files, only_expand=only_expand, with_structure=True)
    _print_places(places, json=json)
    if check and (any(one.state != "up to date" for one in places) or any(task.drift(places).values())):
        raise typer.Exit(ExitCode.FINDINGS)


def _read(path: Path, sql_dir: Path | None) -> tuple[Fleet, list[MigrationFile]]:
    from chatschema.config import fleet
    from chatschema.migration import files

    found = fleet.load(path, environ=os.environ, folder=Path.cwd(), sql_dir=sql_dir)
    return found, files.discover(found.targets[0].settings.sql_dir / "migrations")


def _resolve(to: str | None, files: list[MigrationFile]) -> str | None:
    from chatschema.migration import files as migration_files

    return migration_files.resolve(to, [file.id for file in files]) if to is not None else None


def _print_places(places: Sequence[Place], *, json: bool) -> None:
    from chatschema.task import fleet as task

    drift = task.drift(places)
    if json:
        console.as_json({"fleet": [_place(one, drift.get(one.name, [])) for one in places]})
        return
    header = ("database", "wave", "state", "applied", "last applied", "structure")
    console.table(header, [_row(one, drift.get(one.name, [])) for one in places], right=(3,))
    for one in places:
        for other in drift.get(one.name, [])[:_TOLD]:
            console.answer(f"{one.name}: {other.kind} {other.object} {_WORDS[other.difference]}")
        if one.error:
            console.note(f"{one.name}: {one.error}")
    ready = sum(one.state == "up to date" for one in places)
    console.note(f"{ready} of {len(places)} databases are up to date")


_WORDS = {
    "missing": "is missing, and most of the others have it",
    "extra": "is extra: most of the others do not have it",
    "differs": "differs from most of the others",
}


def _row(one: Place, drift: Sequence[Drift]) -> tuple[str, ...]:
    structure = "" if one.error else f"{len(drift)} differ" if drift else "same"
    state = f"{len(one.pending)} pending" if one.pending else one.state
    return one.name, "canary" if one.wave == 0 else str(one.wave), state, str(one.applied), one.last or "", structure


def _place(one: Place, drift: Sequence[Drift]) -> dict[str, object]:
    return {
        "name": one.name, "wave": one.wave, "state": one.state, "applied": one.applied, "last": one.last,
        "pending": list(one.pending), "months": one.months, "error": one.error, "differences": list(drift),
    }  # fmt: skip


def _print_outcome(one: Outcome) -> None:
    if one.error is None:
        console.answer(f"migrated {one.name}: {len(one.applied)} applied  {one.duration_ms:.0f} ms")
        return
    console.note(f"{one.name}: {one.error}", f"error[{one.code or 'fleet.failed'}]:")
    if one.hint:
        console.note(f"hint:  {one.hint}")


def _outcome(place: Place, outcomes: Sequence[Outcome]) -> dict[str, object]:
    one = next((outcome for outcome in outcomes if outcome.name == place.name), None)
    state = place.state if place.state == "up to date" else "not begun" if one is None else "failed" if one.error else "migrated"
    return {
        "name": place.name, "wave": place.wave, "state": state, "applied": list(one.applied) if one else [],
        "duration_ms": one.duration_ms if one else None, "error": one.error if one else None,
    }  # fmt: skip


def _print_rest(places: Sequence[Place], outcomes: Sequence[Outcome]) -> None:
    done = sum(one.error is None for one in outcomes)
    already = sum(one.state == "up to date" for one in places)
    left = len(places) - already - len(outcomes)
    if not outcomes and not left:
        console.note(f"nothing to do: all {len(places)} databases are up to date")
        return
    failed = len(outcomes) - done
    parts = [f"{done} migrated", f"{failed} failed" if failed else "", f"{already} were up to date" if already else ""]
    parts += [f"{left} not begun: the same command continues with them" if left else ""]
    console.note(f"{len(places)} databases: {', '.join(part for part in parts if part)}")
