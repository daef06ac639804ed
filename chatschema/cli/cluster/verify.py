"""chatschema cluster verify."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from chatschema.cluster.verify.verify import Verified

# More statements of one finding are in the document that --json prints.
_SHOWN = 6


def verify(json: options.Json = False, url: options.Url = None) -> None:
    """Compare the nodes of a distributed database, and print the statements that repair what differs. Reads only.

    Rows of copied tables, triggers, checks, keys, foreign keys, policies and rights of every shard, functions, roles, shards that
    belong to no table, prepared transactions, and the users' lists of conversations. Exit 3 if there is a finding.
    """
    from chatschema.cluster.verify import verify as verifying

    with session.connected(session.settings(url), writes=False) as (_, connection):
        found = verifying.verify(connection)
    if json:
        console.as_json(found)
    else:
        _print(found)
    if found.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _print(found: Verified) -> None:
    for one in found.findings:
        console.paragraph(f"{one.code}: {one.object} on {one.node}")
        console.paragraph(one.reason, indent=2)
        if one.do:
            console.answer(f"  on {one.on}:")
        for statement in one.do[:_SHOWN]:
            console.answer(f"    {statement};")
        if (more := len(one.do) - _SHOWN) > 0:
            console.answer(f"    -- and {console.count(more, 'statement')} more: --json")
    if found.findings:
        console.answer()
    compared = (
        f"{console.count(found.copied_tables, 'copied table')}, {console.count(found.shards, 'shard')} and"
        f" {console.count(found.functions, 'function')} on {console.count(len(found.nodes), 'node')}"
    )
    console.answer(f"compared {compared}: {console.count(len(found.findings), 'finding') if found.findings else 'all are equal'}")
