"""chatschema cluster relay."""

from chatschema.cli import console, options, session


def relay(json: options.Json = False, url: options.Url = None) -> None:
    """Move the audit entries and events that shards wrote to audit_logs and events, each once.

    For cron, beside chatschema maintain. If two runs overlap, the second waits; no row is moved twice.
    """
    from chatschema.cluster.distribute import relay as moving

    with session.connected(session.settings(url)) as (_, connection):
        moved = sum(moving.relay(connection))
    if json:
        console.as_json({"moved": moved})
    else:
        console.answer(f"moved {console.count(moved, 'row')} of the outbox")
