"""Differences that chatschema.toml accepts, with a reason: an entry names kind and object, with * for any part."""

import re
from collections.abc import Sequence

from chatschema.values import Ignore


def entry(kind: str, object: str, entries: Sequence[Ignore]) -> Ignore | None:
    """Return the first entry that names this difference; None if none does."""
    name = f"{kind} {object}"
    return next((one for one in entries if _matches(one.object, name)), None)


def _matches(pattern: str, name: str) -> bool:
    return bool(re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name, re.DOTALL))
