"""chatschema partition plan: the steps that are due for the months, with their SQL and locks. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments

if TYPE_CHECKING:
    from chatschema.partition.retire_plan import Step
    from chatschema.postgres import Connection


def plan(
    older_than: options.OlderThan = None,
    grace: options.Grace = None,
    holds: options.Holds = None,
    archive: options.Archive = None,
    directory: options.ArchiveDir = None,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Show the steps that are due, with SQL and locks.

    These are the steps that ensure, retire and purge would carry out now. Reads only.
    """
    from chatschema.partition import catalog, create, default, event_months, lock_table, purge, retire
    from chatschema.task import months

    settings = session.settings(url)
    policy = arguments.policy(
        settings.policy, older_than=older_than, grace=grace, holds=holds, archive=archive, archive_dir=directory
    )
    with session.connected(settings, writes=False) as (_, connection):
        parents = months.require_tables(connection)
        missing = create.missing(connection, parents, ahead=policy.ahead)
        missing += event_months.missing(connection, policy.ahead)
        ddl = {month.name: [s.as_string(connection) for s in months.statements(month)] for month in missing}
        steps = describe(connection, retire.steps(connection, policy))
        purges = purge.due(connection)
        findings = lock_table.findings(connection)
        now = catalog.server_now(connection)
        findings += default.finding(default.defaults(connection, now), now)
    if json:
        created = [{"partition": name, "sql": sql} for name, sql in ddl.items()]
        console.as_json({"create": created, "steps": steps, "purge": purges, "findings": findings})
        return
    for name, texts in ddl.items():
        console.answer(f"create {name}")
        for text in texts:
            print_sql(text)
    print_steps(steps)
    for purged in purges:
        console.answer(f"purge {purged.messages} messages of {purged.conversation or 'any conversation, expired'}")
    if not (ddl or steps or purges):
        console.answer("nothing to do: no month is missing, and none is due to be retired")
    for finding in findings:
        console.answer(f"look at: {finding}")


def describe(connection: Connection, steps: list[Step]) -> list[dict[str, Any]]:
    """Return the steps with their SQL and locks, as --json prints them."""
    from chatschema.partition import retire

    return [
        {
            "month": f"{step.month:%Y-%m}",
            "action": step.action,
            "reason": step.reason,
            "sql": retire.statements(connection, step),
            "locks": retire.locks_of(connection, step),
        }
        for step in steps
    ]


def print_steps(steps: list[dict[str, Any]]) -> None:
    """Print steps as describe() returns them."""
    for step in steps:
        console.answer(f"{step['action']} {step['month']}: {step['reason']}")
        for text in step["sql"]:
            print_sql(text)
        if step["locks"]:
            console.answer(f"    -- locks: {step['locks']}")


def print_sql(text: str) -> None:
    """Print a statement, indented, without the comments of its file."""
    for line in text.strip().splitlines():
        if not line.startswith("--"):
            console.answer(f"    {line}")
