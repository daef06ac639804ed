"""What the reports on objects print, as a DBA reads it; that their fixes run, and that they print no password."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.report.damages import Truth, definitions, rights, storage
from tests.support import golden
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.reports import answer, run_fix

Build = Callable[[Database], AbstractContextManager[Truth]]
TEXTS: dict[str, tuple[str, tuple[Build, ...]]] = {
    "schema": (
        "schema",
        (
            definitions.disabled_always,
            definitions.disabled_trigger,
            definitions.repeated_foreign_key,
            definitions.smaller_reference,
            definitions.outdated_collation,
        ),
    ),
    "schema-identity": ("schema", (definitions.published_without_identity,)),
    "access": ("access", (rights.open_schema, rights.open_database, rights.pool_of_superuser)),
    "passwords": ("passwords", (rights.password_in_text,)),
    "sequences-key": ("sequences", (definitions.full_key,)),
    "bloat-toast": ("bloat", (storage.empty_toast,)),
    "tables-hot": ("tables", (storage.full_pages,)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_of_its_findings(cli: Cli, migrated: Database, tmp_path: Path, name: str) -> None:
    (tmp_path / "chatschema.toml").write_text(storage.SMALL)
    report, builds = TEXTS[name]
    with ExitStack() as stack:
        for build in builds:
            stack.enter_context(build(migrated))
        printed = cli("report", report, "--limit", "1", "--url", migrated.url)
        assert "hunter" not in printed.out + printed.err
        golden.check(f"report-{name}", _same_everywhere(printed, migrated), {migrated.name: "chat"})
        for finding in answer(cli, migrated.url, report)["reports"][0]["findings"]:
            run_fix(cli, migrated, finding["fix"])


def _same_everywhere(printed: Result, database: Database) -> Result:
    """Return the findings, without the first line, which has the server and the time, and without numbers of this server."""
    findings = printed.out.split("\n", 1)[1].split("\nobject", 1)[0]
    text = re.sub(rf"\b{database.server.user}\b", "dba", findings)
    text = re.sub(r"_reset\(.*\)", "_reset(ROLE, DATABASE, QUERY)", text)
    return Result(printed.code, re.sub(r"sorts with \S+:", "sorts with 153.14:", text), printed.err)
