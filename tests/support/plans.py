"""The plan of a query, as EXPLAIN prints it in JSON."""

from collections.abc import Iterator
from typing import Any


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the node and all below it."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)
