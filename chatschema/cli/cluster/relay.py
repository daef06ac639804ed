"""chatschema cluster relay."""

from typing import Annotated

import typer

from chatschema.cli import console, options, session

Repair = Annotated[
    bool, typer.Option("--repair", help="Then compare all lists with the conversations, and repair and count what differs.")
]


def relay(repair: Repair = False, json: options.Json = False, url: options.Url = None) -> None:
    """Move the audit entries and events that shards wrote to audit_logs and events, each once, and renew the users' lists.

    For cron, beside chatschema maintain. If two runs overlap, the second waits; no row is moved twice.
    """
    from chatschema.cluster import lists
    from chatschema.cluster.distribute import relay as moving

    repaired = None
    with session.connected(session.settings(url)) as (_, connection):
        moved = sum(moving.relay(connection))
        renewed = sum(moving.relay_lists(connection))
        if repair:
            repaired = sum(lists.repair(connection))
    if json:
        console.as_json({"moved": moved, "lists": renewed} | ({} if repaired is None else {"repaired": repaired}))
        return
    console.answer(f"moved {console.count(moved, 'row')} of the outbox; lists follow {console.count(renewed, 'change')}")
    if repaired is not None:
        console.answer(f"repaired {console.count(repaired, 'row')} of the lists")
