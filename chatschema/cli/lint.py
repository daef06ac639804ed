"""chatschema lint."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import CannotConnect, ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatschema.lint.values import Finding
    from chatschema.postgres import Connection
    from chatschema.task.linting import Linted
    from chatschema.values import Settings

_FORMS = ("text", "github", "sarif")
_LEVELS = ("error", "warning", "info")
NO_SQUAWK = "squawk is not installed, so its rules were not checked: pip install 'chatschema[lint]'"


def lint(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES", help="Migrations to check; all in the folder migrations/ by default.")
    ] = None,
    pending: Annotated[bool, typer.Option("--pending", help="Check only what is not yet applied to the database.")] = False,
    level: Annotated[
        str, typer.Option("--level", metavar="LEVEL", help="Exit 3 from this level on: error, warning or info.")
    ] = "warning",
    form: Annotated[
        str, typer.Option("--format", metavar="FORM", help="text, github (annotations) or sarif (code scanning).")
    ] = "text",
    rules: Annotated[bool, typer.Option("--rules", help="List the rules.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the database how large and how busy its tables are.")
    ] = False,
    json: options.Json = False,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Find what migrations would block, break or lose, before they run.

    With a configured database the size and the traffic of its tables decide how serious a finding is. Reads only.
    `-- chatschema: ignore RULE because REASON` in a file accepts a finding.
    """
    from chatschema.task import linting

    if rules:
        _print_rules()
        return
    _refuse_options(level, form, json=json, offline=offline, pending=pending)
    settings = session.settings(url, sql_dir, needs_server=pending or (url is not None and not offline))
    with ExitStack() as stack:
        connection = None if offline else _connection(stack, settings, url, sql_dir, is_needed=pending or url is not None)
        found = linting.lint(settings.sql_dir / "migrations", files or [], connection, only_pending=pending)
    _print(found, form, json=json, weighed=connection is not None)
    if any(one.because is None and _LEVELS.index(one.level) <= _LEVELS.index(level) for one in found.findings):
        raise typer.Exit(ExitCode.FINDINGS)


def _refuse_options(level: str, form: str, *, json: bool, offline: bool, pending: bool) -> None:
    for name, value, known in (("--level", level, _LEVELS), ("--format", form, _FORMS)):
        if value not in known:
            raise UsageError(f"{name} is {value}, and not one of {', '.join(known)}", code="usage.options")
    if json and form != "text":
        raise UsageError("--json and --format cannot be combined", "use one of them", code="usage.options")
    if offline and pending:
        raise UsageError("--pending asks the database, and --offline forbids it", "use one of them", code="usage.options")


def _connection(
    stack: ExitStack, settings: Settings, url: str | None, sql_dir: Path | None, *, is_needed: bool
) -> Connection | None:
    """Return a connection to the configured database; None where none is configured or it cannot be reached and is not needed."""
    if not is_needed:
        from chatschema import config

        try:
            settings = session.settings(url, sql_dir)
        except UsageError as error:
            if error.code == "config.no-server":
                return None
            raise
        # Nobody asked for the embedded server: it would be started for nothing.
        if settings.embedded is not None or settings.source == config.EMBEDDED:
            return None
    try:
        return stack.enter_context(session.connected(settings, writes=False, needs_ledger=False))[1]
    except CannotConnect as error:
        if is_needed:
            raise
        console.note(f"the database was not asked, so sizes are not known: {error.message}")
        return None


def _print_rules() -> None:
    from chatschema.lint import pages
    from chatschema.task import linting

    for name, rule in linting.RULES.items():
        console.answer(f"{name:<40}  {rule.level:<8}  {pages.every()[pages.code(name)].summary}")


def _print(found: Linted, form: str, *, json: bool, weighed: bool) -> None:
    from chatschema.lint import forms, pages

    shown = shortened(found.findings)
    if json:
        console.as_json(
            {"files": found.files, "squawk": found.with_squawk, "weighed": weighed, "findings": list(map(forms.document, shown))}
        )
    elif form == "sarif":
        console.as_json(forms.sarif(shown, {code: page.summary for code, page in pages.every().items()}))
    elif form == "github":
        for line in forms.github(shown):
            console.data(line)
    else:
        _print_text(shown)
    if not found.with_squawk:
        console.note(NO_SQUAWK)
    _print_counts(shown, found.files)


def shortened(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with the paths of their files as seen from this folder."""
    from dataclasses import replace

    here = Path.cwd()
    return [
        replace(one, file=one.file.resolve().relative_to(here)) if one.file.resolve().is_relative_to(here) else one
        for one in findings
    ]


def _print_text(findings: Sequence[Finding]) -> None:
    for one in findings:
        if one.because is not None:
            continue
        console.answer(f"{one.file}:{one.line}: {one.level}: {one.message} [{one.rule}]")
        if one.weight:
            console.answer(f"    {one.table}: {one.weight}")
        console.answer(f"    fix: {one.fix}")


def _print_counts(findings: Sequence[Finding], files: int) -> None:
    migrations = "1 migration" if files == 1 else f"{files} migrations"
    console.note(f"{migrations}: {counted(findings)}")
    note_example(findings)


def note_example(findings: Sequence[Finding]) -> None:
    """Print how to read about the rule of the first finding."""
    from chatschema.lint import forms

    if first := next((one for one in findings if one.because is None), None):
        console.note(f"the rule, with a good and a bad example: chatschema explain {forms.code(first)}")


def counted(findings: Sequence[Finding]) -> str:
    """Return in words how many findings of each level there are."""
    open_ = [one for one in findings if one.because is None]
    counts = [f"{number} {level}" for level in _LEVELS if (number := sum(one.level == level for one in open_))]
    ignored = len(findings) - len(open_)
    accepted = f"; {ignored} ignored for a reason" if ignored else ""
    return f"{', '.join(counts) or 'no finding'}{accepted}"
