"""Running verify, and the SQL that it prints."""

from typing import Any

from tests.support.cli import Cli
from tests.support.database import Database

# The two old months of the tests stand alone.
GAPS = '[[verify.ignore]]\nobject = "partition public.*"\nreason = "there were no months between"\n'


def verified(cli: Cli, database: Database, *options: str) -> Any:
    """Return the document of verify, whose exit code must be that of its differences."""
    result = cli("verify", "--json", "--url", database.url, *options)
    assert result.code in (0, 3), result.err
    document = result.json()
    assert result.code == (3 if document["differences"] else 0)
    return document


def names(document: Any) -> list[str]:
    return sorted(f"{one['kind']} {one['object']}" for one in document["differences"])


def is_clean(cli: Cli, database: Database, *options: str) -> None:
    assert verified(cli, database, *options)["differences"] == []


def reconcile(database: Database, document: Any) -> None:
    for difference in document["differences"]:
        for statement in difference["sql"]:
            database.run(statement)
