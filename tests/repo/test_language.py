"""Product text is plain English: words and phrases that readers stumbled over occur in no file of the product."""

import re
import subprocess

import pytest

from tests.support import ROOT

# Each was read aloud to somebody at work, who asked what it means.
WORDS = ("mend", "mends", "mended", "anew", "what there is", "of ours")
PHRASES = (
    "What there is says the catalog",
    "names decide nothing",
    "and the state of it all",
    "all is applied, and the months reach far enough",
    "Two at once",
    "What it tells you to run, works",
    "lets everybody pass",
    "keep it up for the application",
    "begin anew",
    "the answer is no",
    "Allow them again",
    "Else DATABASE_URL",
    "Months that ended this long ago leave",
    "Between detach and drop",
    "Number the data is made from",
    "its beginning is enough",
    "again for more",
    "Seconds for each query of ours",
    "that needs nothing else",
    "Again every S seconds",
    "Pause X times as long",
    "that nothing here removes",
    "a lock did not come",
    "has other values than",
    "out of sight until",
    "does not count on from",
    "is there already",
    "no policy lets it go",
    "blocks read so far; said after",
    "leave no trace",
    "most trouble of a database was configured",
    "the query to mend",
    "make a trigger of it",
    "What the database sees to by itself",
)
# Comments of a released migration cannot change: its checksum is in every database that has it. One rollback restores such texts.
RELEASED = re.compile(
    r"sql/migrations/(20241217|20261123)\d+_|sql/migrations/20261127000100_\w+\.rollback|tests/upgrades/|CHANGELOG\.md"
)
SUFFIXES = (".py", ".sql", ".md", ".toml", ".yml", ".css", ".svg")


def files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    product = ("chatschema/", "sql/", "seeds/", "docs/", "examples/", "README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml")
    found = [name for name in listed.stdout.splitlines() if name.startswith(product) and name.endswith((*SUFFIXES, "Makefile"))]
    return [name for name in found if not RELEASED.match(name) and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", files())
def test_a_file_of_the_product_is_plain_english(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    flat = re.sub(r"\s+(?:#|--)?\s*", " ", text)
    found = [word for word in WORDS if re.search(rf"\b{word}\b", flat, re.IGNORECASE)]
    found += [phrase for phrase in PHRASES if phrase.lower() in flat.lower()]
    assert not found, f"{name}: write it as house style asks (docs/contributing or CONTRIBUTING.md, Words): {found}"
