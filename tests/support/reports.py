"""What tests ask of a report: its findings by id, its rows by object, and that its fixes are run."""

import time
from typing import Any

from chatschema.statements import Statements
from tests.support.cli import Cli
from tests.support.database import Database

# A test server does not wait for its disk.
FSYNC = '[[report.suppress]]\nfinding = "settings.safety:fsync"\nreason = "a test server"\nuntil = 2999-12-31\n'


def answer(cli: Cli, url: str, *arguments: str) -> dict[str, Any]:
    """Return the document that `chatschema report ARGUMENTS` prints."""
    result = cli("report", *arguments, "--json", "--url", url)
    assert result.code == 0, result.err
    document: dict[str, Any] = result.json()
    return document


def findings(cli: Cli, database: Database, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return the findings by id, the known ones left out."""
    reports = answer(cli, database.url, *arguments)["reports"]
    return {f["id"]: f for report in reports for f in report["findings"] if not f["suppressed"]}


def serious(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the findings that are a warning or critical."""
    return {id: f for id, f in found.items() if f["severity"] in ("warn", "critical")}


def rows(cli: Cli, database: Database, name: str, *arguments: str, key: str = "object") -> dict[str, dict[str, Any]]:
    """Return the rows of a report by their first name."""
    (report,) = answer(cli, database.url, name, *arguments)["reports"]
    return {row[key]: row for row in report["rows"]}


def until(database: Database, query: str, seconds: float = 20) -> None:
    """Wait until the query returns true; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not database.one(query):
        assert time.monotonic() < deadline, f"it did not come about: {query}"
        time.sleep(0.05)


def run_fix(cli: Cli, database: Database, fix: str) -> None:
    """Run what a finding says, as somebody does who pastes it: SQL statement by statement, a command in the shell."""
    if fix.startswith("chatschema "):
        done = cli(*fix.split()[1:], "--url", database.url)
        assert done.code == 0, done.err
        return
    with database.connect() as connection:
        for statement in Statements(fix.encode()):
            connection.execute(statement.text.encode())
