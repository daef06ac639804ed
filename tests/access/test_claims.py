"""Each claim of the page about security names its test, and every test that a page names is there."""

import re
from functools import cache
from pathlib import Path

from tests.support import ROOT
from tests.support.access import page

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md"), *ROOT.glob("sql/**/*.md")])
NAMED = re.compile(r"`(tests/[\w./]+\.py)(?:::(\w+))?`")


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Return the names of the tests of a file."""
    return frozenset(re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE))


def claims() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the claims of the page, each with the tests that it names."""
    part = page.SECURITY.read_text("utf-8").partition("## What holds, and its test")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [(claim, NAMED.findall(tests)) for claim, tests in rows[1:]]


def test_each_claim_names_a_test() -> None:
    found = claims()
    assert len(found) > 15
    assert [claim for claim, tests in found if not tests or not all(name for _, name in tests)] == []


def test_every_test_that_a_page_names_is_there() -> None:
    named = [(path.name, file, name) for path in PAGES for file, name in NAMED.findall(path.read_text("utf-8"))]
    assert len(named) > 30
    wrong = [
        (where, file, name)
        for where, file, name in named
        if not (ROOT / file).is_file() or (name and name not in defined_in(ROOT / file))
    ]
    assert wrong == []
