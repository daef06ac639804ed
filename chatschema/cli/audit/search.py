"""chatschema audit search."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.audit import arguments, printing
from chatschema.errors import UsageError


def search(
    user: Annotated[str | None, typer.Option("--user", metavar="ID|NAME", help="Rows of what this user did.")] = None,
    resource: Annotated[
        str | None,
        typer.Option("--resource", metavar="TYPE", help="Rows about this type of resource, or TYPE:ID; ID* for a prefix."),
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="NAME", help="Rows of this action; session.* for all that begin so.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="From then on: 24h, 7d, 2024-12-31.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")] = None,
    ip: Annotated[str | None, typer.Option("--ip", metavar="ADDRESS", help="From this address, or network: 192.0.2.0/24.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="The newest N rows.")] = 100,
    json: options.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV with all columns.")] = False,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """Search the audit trail; the newest rows come first. Reads only."""
    from chatschema import postgres
    from chatschema.audit import search as searching

    if json and csv:
        raise UsageError("--json and --csv cannot be combined", "choose one form", code="audit.options")
    kind, id = arguments.resource(resource)
    with session.connected(session.settings(url), wait_s=wait, writes=False) as (_, connection):
        arguments.require_trail(connection)
        now = postgres.fetch_one(connection, "select clock_timestamp()")[0]
        wanted = searching.Filter(
            arguments.user(connection, user), kind, id, action, ip, arguments.moment(since, "--since", now),
            arguments.moment(until, "--until", now),
        )  # fmt: skip
        found = searching.search(connection, wanted, limit=limit)
    if json:
        console.as_json({"entries": found.entries, "limit": limit, "has_more": found.has_more})
    elif csv:
        printing.separated(found.entries)
    elif found.entries:
        printing.show(found.entries)
    else:
        console.answer("no row of the audit trail matches")
    if found.has_more:
        console.note(f"these are the newest {limit} rows, and there are more; narrow the search, or: --limit {limit * 10}")
