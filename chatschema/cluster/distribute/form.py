"""What verify expects of a distributed database: what distribute changed as it left it, the rest as the migrations say."""

import re
from collections.abc import Sequence

from chatschema import postgres
from chatschema.cluster import places
from chatschema.cluster.distribute import script
from chatschema.postgres import Connection
from chatschema.structure import comparison
from chatschema.structure.drift import Drift

_SAVED = "select b.kind, b.object from chatschema.before_cluster as b"
_NOTE = "chatschema cluster distribute left it otherwise: undistribute, and distribute again"


def expected(connection: Connection, drifts: Sequence[Drift]) -> list[Drift]:
    """Return the drifts without those that distribute made, and with changes made since then; reads only. Raises ServerError."""
    changed = _changed(connection)
    kept = [one for one in drifts if _name(one.object) not in changed]
    since = comparison.compare(connection).differences
    return kept + [
        Drift(
            one.kind,
            one.object,
            "missing" if one.found is None else "extra" if one.recorded is None else "differs",
            one.recorded,
            one.found,
            (),
            _NOTE,
        )
        for one in since
        if _name(one.object) in changed
    ]


def _changed(connection: Connection) -> set[str]:
    """Return the names of what distribute creates, replaces or drops, as drifts spell them, without arguments."""
    names = {*places.OWN, *(f"chatschema.{name}" for name in ("before_cluster", "list_months", "current_lists"))}
    names |= {f"chatschema.{name}" for name in script.replaced()}
    names |= {name.replace(" ", ".") for name in script.own()}
    for kind, object in postgres.fetch_all(connection, _SAVED):
        if kind in ("key", "policy") or (kind, object) in script.LEFT_OUT:
            names.add(object.replace(" ", "."))
    return names


def _name(object: str) -> str:
    """Return the name of an object without arguments; of a comment that of the object it is on."""
    if match := re.fullmatch(r"(?:constraint|trigger|policy) (\S+) on (\S+)", object):
        return f"{match[2]}.{match[1]}"
    if match := re.fullmatch(r"index ([\w\"]+)\.(\S+)", object):
        return match[2]
    return object.partition("(")[0]
