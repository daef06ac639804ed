"""chatschema cluster status."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatschema.cluster.nodes import Node
    from chatschema.cluster.operate.status import Cluster


def status(json: options.Json = False, url: options.Url = None) -> None:
    """Show the nodes of a distributed database, where its tables live, what waits for relay, and shards that move. Reads only.

    Exit 4 if a node does not answer; the rest is shown.
    """
    from chatschema.cluster.operate import status as state

    with session.connected(session.settings(url), writes=False) as (_, connection):
        found = state.read(connection)
    if json:
        console.as_json({**dataclasses.asdict(found), "waiting": found.waiting, "silent": found.silent})
    else:
        _print(found)
    if found.silent:
        verb = "does" if len(found.silent) == 1 else "do"
        console.note(f"{' and '.join(found.silent)} {verb} not answer: conversations there cannot be read or written")
        raise typer.Exit(ExitCode.UNREACHABLE)


def print_nodes(nodes: Sequence[Node]) -> None:
    """Print a line for each node."""
    from chatschema import units

    rows = [
        (
            f"{one.host}:{one.port}",
            "coordinator" if one.is_coordinator else "worker",
            "lost" if not one.is_reachable else "active" if one.is_active else "inactive",
            one.citus or "",
            one.postgres or "",
            "" if one.shards is None else str(one.shards),
            "" if one.bytes is None else units.size(one.bytes),
        )
        for one in nodes
    ]
    console.table(("node", "is", "state", "Citus", "PostgreSQL", "shards", "size"), rows, right=(5, 6))


def _print(found: Cluster) -> None:
    from chatschema import units

    print_nodes(found.nodes)
    console.answer()
    moved = [(one.table, one.place, str(one.shards)) for one in found.tables if one.place != "coordinator"]
    console.table(("table", "lives", "shards"), moved, right=(2,))
    stay = [one.table for one in found.tables if one.place == "coordinator"]
    console.answer()
    console.paragraph(f"on the coordinator: {', '.join(stay)}")
    if found.waiting is None:
        console.answer("waiting for relay: not known while a node does not answer")
    else:
        since = f", the oldest since {units.when(found.waiting.oldest)}" if found.waiting.oldest else ""
        console.answer(f"waiting for relay: {console.count(found.waiting.rows, 'row')}{since}")
    job = found.job
    told = f": {job.message}" if job and job.message else ""
    console.answer(f"moves: job {job.id} is {job.state}, {job.done} of {job.tasks} tasks done{told}" if job else "moves: none")
