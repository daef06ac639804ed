"""chatschema cluster isolate."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.cluster.operate.isolate import Isolated


def isolate(
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION", help="Id of the conversation.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would rewrite, and how long writers wait.")] = False,
    yes: options.Yes = False,
    lock_wait: options.LockWait = 0,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Give a busy conversation a shard of its own, so that it can be moved to a node by itself.

    Writers of all conversations on its shard wait until the end; none fails. The largest conversation: chatschema cluster advise.
    """
    from chatschema.cluster.operate import isolate as isolating

    try:
        id = uuid.UUID(conversation)
    except ValueError:
        raise UsageError(f"{conversation!r} is not the id of a conversation", "it is a UUID", code="usage.conversation") from None
    with session.connected(session.settings(url), writes=not dry_run) as (_, connection):
        was = isolating.find(connection, id)
        if dry_run:
            done = isolating.Isolated(was, None, None)
        else:
            console.confirm_name(was.words, connection.info.dbname, yes=yes, look=f"chatschema cluster isolate {id} --dry-run")
            done = isolating.isolate(connection, id, wait_s=lock_wait, say=console.note)
    if json:
        console.as_json({"was": was, "expected_ms": round(was.seconds * 1000, 1), "shard": done.shard, "waited_ms": done.waited_ms})
    else:
        _print(done)


def _print(done: Isolated) -> None:
    from chatschema import units

    if done.waited_ms is None:
        console.paragraph(done.was.words)
        return
    console.answer(f"conversation {done.was.conversation} is alone on shard {done.shard} on {done.was.node}")
    console.answer(f"writers waited for at most {units.duration(done.waited_ms)}")
    console.answer("a quieter node for it: chatschema cluster rebalance, or citus_move_shard_placement()")
