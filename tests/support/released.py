"""A database as an earlier release left it: its dump in tests/upgrades/, and months made as that release made them."""

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from chatschema import postgres
from chatschema.partition import catalog, create, grid
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.database import Database

FOLDER = ROOT / "tests" / "upgrades"
# A further release is one more file: pg_dump of a database that its own `chatschema migrate` made, without the months.
RELEASES = sorted(path.stem for path in FOLDER.glob("*.sql"))


def load(database: Database, release: str, *, past: int = 2) -> list[datetime]:
    """Make the empty database one of that release, with months; return the past ones."""
    database.run((FOLDER / f"{release}.sql").read_text())
    return make_months(database, past)


def make_months(database: Database, past: int) -> list[datetime]:
    """Make the months from `past` ago to six ahead that are not there yet; return the past ones, oldest first."""
    settings = Settings(database.url, "test", None, ROOT / "sql", ROOT / "seeds", Path())
    parents = [parent.table for parent in grid.GROUP]
    with closing(postgres.connect(settings)) as connection:
        current = grid.month_of(catalog.server_now(connection))
        first = current
        for _ in range(past):
            first = grid.month_of(first - timedelta(days=1))
        plan = create.missing(connection, parents, since=first)
        list(create.ensure(connection, plan, say=print))
    months = [first]
    while months[-1] < current:
        months.append(grid.next_month(months[-1]))
    return months[:-1]
