"""The main outputs as text, in golden files: status, migrate --dry-run, partition plan and partition list."""

import re

import pytest

from tests.support import golden
from tests.support.cli import Cli, Result
from tests.support.database import Database

# What depends on the day of the run: months are numbered from the first one that is shown; moments, spans, sizes and ids are not shown.
_VARYING = (
    (re.compile(r"'[0-9a-f]{8}-[0-9a-f]{4}-70[0-9a-f]{2}-8000-0{12}'"), "'BOUND'"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?"), "DATE TIME"),
    (re.compile(r"\b\d+(\.\d+)? (kB|MB)\b"), "SIZE"),
    (re.compile(r"\b\d+ days\b"), "N days"),
    (re.compile(r"PostgreSQL \d+\.\d+"), "PostgreSQL VERSION"),
    (re.compile(r" {2,}(?=SIZE|N days)"), "  "),
)


def timeless(result: Result) -> Result:
    """Return the result without what differs from day to day and from server to server."""
    months = sorted({f"{year}-{month}" for year, month in re.findall(r"\b(?:\w+_y)?(20\d\d)[-m](\d\d)\b", result.out + result.err)})
    return Result(result.code, _timeless(result.out, months), _timeless(result.err, months))


def _timeless(text: str, months: list[str]) -> str:
    for pattern, shown in _VARYING:
        text = pattern.sub(shown, text)
    for number, month in enumerate(months, 1):
        text = re.sub(rf"\b{month}(?=-\d\d|\b)", f"MONTH{number}", text)
        text = text.replace("_y{}m{}".format(*month.split("-")), f"_MONTH{number}")
    return text


def test_status(cli: Cli, migrated: Database) -> None:
    found = cli("status", "--url", migrated.url)
    golden.check("status", timeless(found), {migrated.name: "chat"})


def test_status_of_an_empty_database(cli: Cli, empty: Database) -> None:
    golden.check("status_empty", timeless(cli("status", "--url", empty.url)), {empty.name: "chat"})


def test_migrate_dry_run(cli: Cli, migrated: Database) -> None:
    """One migration and the months of one table group; the SQL of the nine tables is reviewed in sql/schema.sql."""
    assert cli("undo", "--url", migrated.url).code == 0
    golden.check("migrate_dry_run", timeless(cli("migrate", "--dry-run", "--url", migrated.url)), {migrated.name: "chat"})


@pytest.mark.parametrize("command", ["plan", "list"])
def test_partition(cli: Cli, aged: Database, command: str) -> None:
    found = (
        cli("partition", command, "--older-than", "1mo", "--url", aged.url)
        if command == "plan"
        else cli("partition", command, "--url", aged.url)
    )
    golden.check(f"partition_{command}", timeless(found), {aged.name: "chat"})
