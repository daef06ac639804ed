"""chatschema cluster rebalance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session

if TYPE_CHECKING:
    from chatschema.cluster.operate.moves import Job, Rebalanced
    from chatschema.postgres import Connection


def rebalance(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the moves with their bytes; move nothing.")] = False,
    lock_wait: options.LockWait = 0,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Move shards until the nodes have about the same bytes, while conversations are read and written.

    The server moves them in the background. If this is killed, the moves go on; run it again to watch the rest.
    """
    from chatschema.cluster.operate import moves

    with session.connected(session.settings(url), writes=not dry_run) as (_, connection):
        if dry_run:
            found = moves.rehearse(connection)
        else:
            found, job = moves.start(connection, wait_s=lock_wait, say=console.note)
            if job:
                _print_moves(found, json=json)
                _follow(connection, job)
            found = moves.ended(connection, found)
    if json:
        console.as_json(found)
    else:
        _print(found, dry_run=dry_run)


def _follow(connection: Connection, job: Job) -> None:
    from chatschema.cluster.operate import moves

    done = job.done
    with console.progress("moves", job.tasks) as step:
        step(done)
        for now in moves.follow(connection, job, say=console.note):
            step(now.done - done)
            done = now.done


def _print_moves(found: Rebalanced, *, json: bool) -> None:
    """Print what is moved before it is: the answer of people, the story of programs."""
    from chatschema import units

    if found.is_resumed:
        console.note("shards are being moved already: this watches the rest")
    rows = [(one.source, one.target, str(one.shards), units.size(one.bytes)) for one in found.moves]
    if rows and not json:
        console.table(("from", "to", "shards", "size"), rows, right=(2, 3))


def _print(found: Rebalanced, *, dry_run: bool) -> None:
    from chatschema import units
    from chatschema.cli.cluster.status import print_nodes

    if dry_run:
        _print_moves(found, json=False)
        console.answer()
    if not found.moves and not found.is_resumed:
        console.answer("nothing to do: the nodes have about the same bytes")
    elif dry_run:
        console.answer(f"{console.count(len(found.moves), 'move')}, {units.size(sum(one.bytes for one in found.moves))}")
    else:
        console.answer(f"moved: {console.count(len(found.moves), 'move')}" if found.moves else "moved: the rest")
    console.answer()
    if found.after:
        console.answer("before")
        print_nodes(found.before)
        console.answer("\nafter")
    print_nodes(found.after or found.before)
