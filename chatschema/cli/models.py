"""chatschema models."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from chatschema.models.targets import Target
    from chatschema.task.modelling import Generated


def models(
    target: Annotated[
        str,
        typer.Option(
            "--for", metavar="TARGET", help="sequelize, typescript, kysely, drizzle, prisma or python.", show_default=False
        ),
    ],
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="Only columns that this role may use. By default the application's, where the roles were applied.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="NAME", help="Leave out a table, or a column: TABLE.COLUMN; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write this file, instead of stdout.", dir_okay=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 3 if the file of --out differs.")] = False,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Print the application's models, made from the catalog.

    The tables of schema public with the columns that the role may read or write; no partitions. Reads only.
    """
    from chatschema.task import modelling

    wanted = _target(target)
    if check and out is None:
        raise UsageError("--check compares with a file", "name it: --out FILE", code="usage.options")
    with session.connected(session.settings(url), writes=False) as (_, connection):
        found = modelling.generate(connection, wanted, role, without or ())
    for note in found.notes:
        console.note(f"note: {note}")
    is_current = modelling.is_current(out, found.text) if out is not None else None
    if out is not None and not is_current and not check:
        modelling.write(out, found.text)
    if json:
        console.as_json(_document(wanted, found, out, is_current))
    elif out is None:
        console.data(found.text.removesuffix("\n"))
    else:
        console.answer(_sentence(out, found, is_current=bool(is_current), is_checked=check))
    if check and out is not None and not is_current:
        console.note(f"hint:  write it: {found.command} --out {shlex.quote(str(out))}")
        raise typer.Exit(ExitCode.FINDINGS)


def _document(target: Target, found: Generated, path: Path | None, is_current: bool | None) -> dict[str, object]:
    return {
        "target": target,
        "role": found.role,
        "command": found.command,
        "file": path,
        "is_current": is_current,
        "tables": found.tables,
        "notes": found.notes,
        "text": found.text,
    }


def _sentence(path: Path, found: Generated, *, is_current: bool, is_checked: bool) -> str:
    if is_checked and not is_current:
        return f"{path} {'differs from the database' if path.exists() else 'does not exist'}"
    whose = f"the columns that {found.role} may use" if found.role is not None else "all columns"
    described = f"{console.count(len(found.tables), 'model')} with {whose}"
    return f"{path} is up to date: {described}" if is_current else f"wrote {path}: {described}"


def _target(name: str) -> Target:
    from chatschema.models.targets import TARGETS

    for target in TARGETS:
        if name == target:
            return target
    raise UsageError(f"--for {name}: there is no such target", f"use one of: {', '.join(TARGETS)}", code="models.target")
