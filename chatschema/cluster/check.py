"""What stands in the way of Citus on this database, beyond what chatschema changes by itself."""

import re
from dataclasses import dataclass
from importlib.util import find_spec

from chatschema import postgres
from chatschema.cluster import judge, obstacles, statements
from chatschema.cluster.facts import Unseen
from chatschema.cluster.measure import require_messages
from chatschema.cluster.obstacles import Obstacle
from chatschema.cluster.statements import Statement
from chatschema.cluster.tables import MOVING
from chatschema.postgres import Connection

# The names of volatilities sort from the least to the greatest.
_VOLATILITY = "select p.proname, min(p.provolatile::text) from pg_catalog.pg_proc as p group by 1"
_OURS = re.compile(rf"\b({'|'.join(MOVING)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Checked:
    """The obstacles, those of the catalog first, then the statements with the most time first; and what could not be seen.

    `statements`: how many statements on the tables were read.
    """

    findings: tuple[Obstacle, ...]
    statements: int
    unseen: tuple[Unseen, ...]


def check(connection: Connection) -> Checked:
    """Return what stands in the way. Reads only. Raises ServerError, and ChatschemaError before the migrations."""
    require_messages(connection)
    found = obstacles.of_catalog(connection)
    if find_spec("postgast") is None:
        why = "PostgreSQL's parser, postgast, is not installed"
        return Checked(tuple(found), 0, (Unseen("the statements of the application", why, "pip install 'chatschema[lint]'"),))
    seen = statements.read(connection)
    ours = _of_application(seen.found)
    known = dict(postgres.fetch_all(connection, _VOLATILITY))
    unreadable = 0
    for one in ours:
        judged = judge.judge(one, lambda name: known.get(name, "v"))
        unreadable += judged is None
        found += judged or []
    unseen = list(seen.unseen)
    if unreadable:
        why = f"{unreadable} of {len(ours)} cannot be parsed as pg_stat_statements shows them"
        unseen.append(Unseen("some statements of the application", why))
    return Checked(tuple(found), len(ours), tuple(unseen))


def _of_application(found: tuple[Statement, ...]) -> list[Statement]:
    """Return the statements on the tables; without those of the owner where the application logs in as another role."""
    ours = [one for one in found if one.is_about_rows and _OURS.search(one.text)]
    others = [one for one in ours if not one.is_of_owner]
    return others or ours
