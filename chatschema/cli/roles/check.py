"""chatschema roles check."""

import typer

from chatschema.cli import console, options, session
from chatschema.cli.roles.apply import script
from chatschema.cli.roles.arguments import Prefix
from chatschema.errors import ExitCode


def check(prefix: Prefix = None, json: options.Json = False, sql_dir: options.SqlDir = None, url: options.Url = None) -> None:
    """Compare roles, grants, policies, triggers and logins with their declarations. Reads only.

    Exits with 3 if there is a finding. chatschema roles apply corrects those that need no decision.
    """
    from chatschema.migration import files as migration_files
    from chatschema.task import granting

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.connected(settings, writes=False) as (_, connection):
        found = granting.look(connection, files, prefix)
        name = granting.prefix_of(connection, prefix)
    if json:
        console.as_json({"prefix": name, "findings": found})
    elif not found:
        console.answer(f"the roles {name}_* are as declared")
    else:
        for finding in found:
            console.answer(f"{finding.code}: {finding.message}")
            if finding.scope == "dba" and finding.statements:
                console.answer(script([finding]))
        if any(finding.scope != "dba" for finding in found):
            console.note("hint:  correct them: chatschema roles apply")
    if found:
        raise typer.Exit(ExitCode.FINDINGS)
