"""chatschema cluster add."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import UsageError

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")


def add(
    worker: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The worker, by the name at which all nodes reach it.")],
    yes: options.Yes = False,
    lock_wait: options.LockWait = 0,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Add a worker to a distributed database: with roles, functions, rights and copied tables. No conversation moves.

    Can be run again after a kill: what is done is not done twice. Afterwards: chatschema cluster rebalance.
    """
    from chatschema.cluster.operate import add as adding

    host, port = _place(worker)
    with session.connected(session.settings(url)) as (_, connection):
        steps = adding.plan(connection, host, port)
        if steps:
            words = " and ".join(step.statement for step in steps)
            action = f"add makes {host}:{port} a worker of this cluster, and copies the tables there that every node has ({words})"
            console.confirm_name(action, connection.info.dbname, yes=yes, look="chatschema cluster status")
        done = adding.add(connection, host, port, wait_s=lock_wait, say=console.note)
    if json:
        console.as_json(done)
    elif not done.is_changed:
        console.answer(f"nothing to do: {done.node} is a worker already")
    else:
        for step in done.steps:
            console.answer(f"done: {step.statement}")
        console.answer(f"{done.node} is a worker; next: chatschema cluster rebalance")


def _place(text: str) -> tuple[str, int]:
    """Return host and port. Raises UsageError for another form."""
    match = _HOST.fullmatch(text)
    if not match or not 0 < int(match[2]) < 65536:
        raise UsageError(
            f"{text!r} is not HOST:PORT", "for example: chatschema cluster add worker3.internal:5432", code="usage.node"
        )
    return match[1].strip("[]"), int(match[2])
