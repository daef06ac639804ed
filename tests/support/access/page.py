"""Reading docs/reference/access.md: what it says is what is tested."""

import re
from dataclasses import dataclass

from tests.support import ROOT

PAGE = ROOT / "docs" / "reference" / "access.md"
SECURITY = ROOT / "docs" / "explanation" / "security.md"


@dataclass(frozen=True)
class Row:
    """A row of a table: its section, its sentence, the columns that it lists, and whether each actor may."""

    section: str
    text: str
    columns: tuple[str, ...] | None
    may: dict[str, bool]


def matrix() -> list[Row]:
    """Return the rows of all tables whose first column is `action`."""
    found = []
    text = PAGE.read_text("utf-8")
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        title, _, rest = section.partition("\n")
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in rest.splitlines() if line.startswith("|")]
        if not lines or lines[0][0] != "action":
            continue
        actors = lines[0][1:]
        for cells in lines[2:]:
            words, colon, columns = cells[0].partition(":")
            listed = tuple(part.strip() for part in columns.split(",") if part.strip()) if colon else None
            may = {actor: cell == "+" for actor, cell in zip(actors, cells[1:], strict=True) if cell}
            assert set(cells[1:]) <= {"+", "-", ""}, cells
            found.append(Row(title.strip(), words, listed, may))
    return found


def columns() -> dict[tuple[str, str], tuple[bool, set[str]]]:
    """Return for each table and role what it reads: (True, all but these), or (False, nothing)."""
    section = PAGE.read_text("utf-8").partition("### Columns that are read")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    found = {}
    for cells in lines[2:]:
        for role, cell in zip(lines[0][1:], cells[1:], strict=True):
            match = re.fullmatch(r"all(?: but (?P<hidden>.+))?|-", cell)
            assert match, cell
            hidden = {part.strip(" `") for part in (match["hidden"] or "").split(",")} - {""}
            found[cells[0].strip("`"), role] = cell != "-", hidden
    return found


def covered() -> list[str]:
    """Return the patterns of the mutations that another layer covers, from the page about security."""
    section = SECURITY.read_text("utf-8").partition("## What only the check shows")[2].partition("\n## ")[0]
    return [
        name for line in section.splitlines() if line.startswith("| `") for name in re.findall("`([^`]+)`", line.split(" | ")[0])
    ]
