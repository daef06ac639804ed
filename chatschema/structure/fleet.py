"""The structures of several databases, compared with each other."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection
from chatschema.structure import comparison

# Objects by kind and name, with their definitions.
Structure = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Drift:
    """An object of a database that is not as in most of the others."""

    kind: str
    object: str
    difference: Literal["missing", "extra", "differs"]


def read(connection: Connection) -> Structure:
    """Return every object and its definition, and the form in which they can be compared. Raises ServerError."""
    live = sqlfile.fill(comparison.file("normal_form"), which=sql.SQL("true"))
    query = sql.SQL(";\n").join(
        [comparison.settings("1s"), sql.SQL("select kind, object, definition from ({}) as live").format(live)]
    )
    rows = postgres.fetch_sets(connection, query)[-1]
    return {("form", ""): comparison.form(connection), **{(kind, object): definition for kind, object, definition in rows}}


def drift(structures: Mapping[str, Structure]) -> dict[str, list[Drift]]:
    """Return by database the objects that are not as in most databases; only those of one form can be compared."""
    found: dict[str, list[Drift]] = {}
    forms = {name: one["form", ""] for name, one in structures.items()}
    for form in set(forms.values()):
        alike = {name: one for name, one in structures.items() if forms[name] == form}
        usual = _usual(alike)
        for name, one in alike.items():
            found[name] = sorted(_differences(one, usual), key=lambda drift: (drift.kind, drift.object))
    return found


def _usual(structures: Mapping[str, Structure]) -> Structure:
    """Return the structure that most databases have; of several that are as frequent, the first one."""
    counts = Counter(frozenset(one.items()) for one in structures.values())
    return dict(counts.most_common(1)[0][0])


def _differences(one: Structure, usual: Structure) -> list[Drift]:
    found = [Drift(kind, object, "missing") for kind, object in usual.keys() - one.keys()]
    found += [Drift(kind, object, "extra") for kind, object in one.keys() - usual.keys()]
    found += [Drift(*key, "differs") for key in one.keys() & usual.keys() if one[key] != usual[key]]
    return [drift for drift in found if drift.kind != "locked"]
