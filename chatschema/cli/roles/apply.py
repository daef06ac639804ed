"""chatschema roles apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.roles.arguments import Prefix
from chatschema.errors import ExitCode
from chatschema.task import waits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatschema.roles.values import Finding


def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the statements as a script for psql; change nothing.")] = False,
    prefix: Prefix = None,
    json: options.Json = False,
    sql_dir: options.SqlDir = None,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Create the roles, their grants and their row policies, as declared in sql/roles/.

    The roles are groups without login; grant them to your logins: grant chat_app to api. A second run changes nothing,
    or reverts changes made by hand. It never changes the owner of a table.
    """
    from chatschema.migration import files as migration_files
    from chatschema.task import granting

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.connected(settings, writes=not dry_run) as (live, connection):
        if dry_run:
            wanted = [one for one in granting.look(connection, files, prefix) if one.scope != "dba"]
            if json:
                console.as_json({"would_run": [statement for one in wanted for statement in one.statements]})
            elif wanted:
                console.data(script(wanted))
            return
        outcome = granting.grant(live, connection, files, prefix, lock_wait_s=lock_wait, say=console.note)
        name = granting.prefix_of(connection)
    if json:
        console.as_json({"prefix": name, "done": outcome.done, "refused": outcome.refused, "remaining": outcome.remaining})
    else:
        _print(name, len(outcome.done))
        if outcome.refused:
            console.note("the server refused these statements; run them as a role that may, then chatschema roles apply again:")
            console.data(script(outcome.refused))
        for finding in outcome.remaining:
            console.note(f"{finding.message}; see chatschema roles check")
    if outcome.refused:
        raise typer.Exit(ExitCode.FINDINGS)


def script(findings: Iterable[Finding]) -> str:
    """Return the statements of the findings for psql, each with its semicolon."""
    lines = [text if text.startswith("--") else f"{text};" for one in findings for text in one.statements]
    return "\n".join(lines)


def _print(prefix: str, count: int) -> None:
    if count:
        console.answer(f"applied the roles {prefix}_*: {count} changes")
    else:
        console.answer(f"the roles {prefix}_* are as declared; nothing to do")
