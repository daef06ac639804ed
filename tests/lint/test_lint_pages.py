"""Each rule has a page: its bad example breaks the rule, its good one breaks none, and the lock is the one that the server takes."""

import re
from pathlib import Path

import psycopg
import pytest

from chatschema.lint import pages, squawk
from chatschema.lint.pages import Page
from chatschema.migration.heads import Mode
from chatschema.task import linting
from tests.support.database import Database
from tests.support.labelled import DOCUMENTS, findings, steps

RULES = sorted(linting.RULES)
_NEXT = "-- next file\n"
_LOCK = re.compile(r"(?P<mode>[a-z ]+?) on (?P<table>\w+\.\w+)\b")
# Weaker than those that Mode has: it changes rows.
_ROW_EXCLUSIVE = "row exclusive"


def found(folder: Path, rule: str, text: str) -> set[str]:
    """Return the rules that a page's example breaks."""
    subjects = list(steps(folder, text.split(_NEXT), with_header=rule not in DOCUMENTS))
    return {one.rule for one in findings(subjects, squawk.program(), about_documents=rule in DOCUMENTS)}


def page(rule: str) -> Page:
    return pages.every()[pages.code(rule)]


def test_each_rule_has_a_page_and_each_page_a_rule() -> None:
    assert {pages.code(rule) for rule in RULES} == pages.every().keys()


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_example_breaks_its_rule_and_the_good_one_breaks_none(rule: str, tmp_path: Path) -> None:
    assert rule in found(tmp_path, rule, page(rule).bad)
    assert found(tmp_path, rule, page(rule).good) == set()


@pytest.mark.parametrize("rule", RULES)
def test_a_page_is_written_in_full(rule: str) -> None:
    one = page(rule)
    for text in (one.summary, one.why, one.fix):
        assert text.endswith((".", "`")), text
    assert "\n" not in one.summary
    assert len(re.findall(r"[.!?](?=\s|$)", one.summary)) == 1, "the summary is one sentence"
    assert one.lock == "none" or _LOCK.match(one.lock), one.lock


def test_the_lock_on_a_page_is_the_one_that_the_bad_example_takes(migrated: Database) -> None:
    differ, seen = [], 0
    for rule in RULES:
        if (match := _LOCK.match(page(rule).lock)) is None:
            continue
        seen += 1
        strongest = locked(migrated, page(rule).bad, match["table"])
        if strongest != match["mode"]:
            differ.append(f"{rule}: {match['mode']} on {match['table']} on the page, {strongest} on the server")
    assert differ == []
    assert seen > 20


def locked(database: Database, text: str, table: str) -> str:
    """Run the statements of an example and return the strongest lock that they take on a table; all is rolled back."""
    with psycopg.connect(database.url) as connection:
        # By its oid: the example may rename it.
        (oid,) = connection.execute("select to_regclass(%s)::oid", (table,)).fetchone() or (None,)
        connection.execute(text.partition("-- rollback:")[0].encode())
        rows = connection.execute(
            "select mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and relation = %s", (oid,)
        ).fetchall()
        connection.rollback()
    modes = [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).lower() for (mode,) in rows]
    order = [_ROW_EXCLUSIVE, *(mode.words for mode in Mode)]
    return max((mode for mode in modes if mode in order), key=order.index, default="none")
