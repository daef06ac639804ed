"""The project that chatschema new project takes over: recorded, written, and configured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chatschema.cli import console, session

if TYPE_CHECKING:
    from chatschema.migration.strangers.convert import Project
    from chatschema.values import Settings


def recorded(settings: Settings, source: Path, scratch: str | None, accepted: Sequence[str]) -> Project:
    """Return the migrations of sequelize as SQL, which a run on a scratch database has recorded."""
    from chatschema.task import scratching, taking_over

    if scratch == scratching.SAME:
        with session.running(settings) as live:
            return taking_over.sequelize(live, source, where=scratch, accepted=accepted, say=console.note)
    return taking_over.sequelize(settings, source, where=scratch, accepted=accepted, say=console.note)


def write(project: Project, folder: Path) -> None:
    """Write the files, and print what has to be looked at."""
    from chatschema.migration.strangers import convert

    refused = convert.write(project, folder)
    console.answer(f"{len(project.migrations)} migrations converted to {short((folder / 'migrations').absolute())}")
    for note in [*project.notes, *refused]:
        console.note(f"look at: {note}")


def configure(project: Project, sql_dir: Path) -> None:
    """Write chatschema.toml with the folder and the table of the other tool; where there is one, print what to add."""
    folder, path = short(sql_dir.absolute()), Path("chatschema.toml")
    ignored = f"object = '* {project.kind.table}*'\nreason = \"the record of {project.kind.name}, until a migration drops it\""
    text = f"sql_dir = '{folder}'\n\n[[verify.ignore]]\n{ignored}\n"
    if path.exists():
        console.note(f"add to {path}, unless it is there:\n{text.rstrip()}")
    else:
        path.write_text(text, "utf-8")
        console.note(f"wrote {path}: the folder of the migrations, and that verify ignores the table of {project.kind.name}")
    console.note("next: chatschema status")


def short(path: Path) -> str:
    """Return the path from this folder, if it is in it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
