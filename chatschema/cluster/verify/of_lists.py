"""The lists of conversations by user, compared with the conversations."""

from collections import Counter
from collections.abc import Iterator

from chatschema.cluster import lists
from chatschema.cluster.verify.finding import Finding
from chatschema.postgres import Connection


def findings(connection: Connection, coordinator: str) -> Iterator[Finding]:
    """Yield one finding if rows of lists differ that do not wait for the relay; `coordinator` is HOST:PORT. Raises ServerError."""
    found = Counter(one.state for one in lists.compare(connection))
    if found:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(found.items()))
        reason = f"rows are not what the conversations say: {counts}; repair and count them: chatschema cluster relay --repair"
        yield Finding("cluster.list-differs", coordinator, "chatschema.user_conversations", reason, coordinator, ())
