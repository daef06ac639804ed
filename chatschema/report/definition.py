"""What a report file says of itself: its header, as the docs and `report explain` print it."""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from chatschema import assets, sqlfile
from chatschema.errors import ChatschemaError, UsageError

_ENTRY = re.compile(
    r"-- (Why|Check|Threshold|Needs|Fully|Runs on|Counts|Counters|Overview|Acute)(?: (\w+))?(?: = (-?[\d.]+))?: (.+)"
)
# What chatschema report has beside the reports.
_COMMANDS = {"explain", "snapshot", "diff", "report"}
_WORDS = {
    "Runs on": ("anything", "primary"),
    "Counts": ("now", "since the last reset"),
    "Overview": ("yes", "no"),
    "Acute": ("yes", "no"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that decides: its default, and what it means."""

    default: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One report: the header of its file.

    `needs`: extensions without which it cannot run. `fully`: roles without which it sees less. `on_primary`: whether
    a standby has no answer. `is_acute`: whether it looks at this moment: what it finds comes first among equals.
    `counters`: the columns that only grow until the statistics are reset.
    """

    name: str
    path: Path
    title: str
    why: str = ""
    checks: dict[str, str] = field(default_factory=dict)
    thresholds: dict[str, Threshold] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    fully: tuple[str, ...] = ()
    on_primary: bool = False
    in_overview: bool = True
    is_acute: bool = False
    counters: tuple[str, ...] = ()


def names(sql_dir: Path) -> list[str]:
    """Return the names of the reports, sorted: chatschema's own, and those in `sql_dir`/reports.

    Raises ChatschemaError when one of them has the name of a command, UsageError when `sql_dir` is no folder for SQL files.
    """
    return sorted(_files(sql_dir))


def _files(sql_dir: Path) -> dict[str, Path]:
    """Return the files of the reports by name; a user's own takes the place of one of the same name."""
    if not any((sql_dir / folder).is_dir() for folder in ("migrations", "reports")):
        raise UsageError(
            f"{sql_dir} has neither a folder migrations/ nor reports/",
            "point to the folder above them: --sql-dir DIR, or sql_dir in chatschema.toml",
        )
    found = {path.stem: path for folder in (assets.sql_dir(), sql_dir) for path in (folder / "reports").glob("*.sql")}
    if taken := _COMMANDS.intersection(found):
        raise ChatschemaError(f"{taken.pop()}.sql has the name of a command of chatschema report", "give it another name")
    return found


def load(sql_dir: Path, name: str) -> Definition:
    """Return the report `name`. Raises UsageError, with what is near, when there is none; ChatschemaError for a bad header."""
    known = _files(sql_dir)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean: chatschema report {near[0]}" if near else "see what there is: chatschema report --list"
        raise UsageError(f"there is no report {name}", hint)
    return parse(known[name])


def parse(path: Path) -> Definition:
    """Return what the header of the file says. Raises ChatschemaError for a line that is not understood."""
    file = sqlfile.read(path)
    if len(file.statements) != 1:
        raise ChatschemaError(f"{path.name} has {len(file.statements)} statements; a report is one query")
    object_, separator, title = file.title.partition(": ")
    if object_ != path.stem or not separator:
        raise ChatschemaError(f"{path.name}: its first line is not `-- {path.stem}: sentence.`")
    values: dict[str, str] = {}
    checks: dict[str, str] = {}
    thresholds: dict[str, Threshold] = {}
    for entry in _entries(file.text):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ChatschemaError(f"{path.name}: the header line {entry!r} is not understood", "see: docs/how-to/add-report.md")
        key, name, default, text = match.groups()
        if key == "Check" and name:
            checks[name] = text
        elif key == "Threshold" and name and default:
            thresholds[name] = Threshold(float(default) if "." in default else int(default), text)
        elif not name and not default and text in _WORDS.get(key, (text,)):
            values[key] = text
        else:
            raise ChatschemaError(f"{path.name}: the header line {entry!r} is not understood", "see: docs/how-to/add-report.md")
    return Definition(
        name=path.stem,
        path=path,
        title=title,
        why=values.get("Why", ""),
        checks=checks,
        thresholds=thresholds,
        needs=_listed(values.get("Needs")),
        fully=_listed(values.get("Fully")),
        on_primary=values.get("Runs on") == "primary",
        in_overview=values.get("Overview") != "no",
        is_acute=values.get("Acute") == "yes",
        counters=_listed(values.get("Counters")),
    )


def _entries(text: str) -> list[str]:
    """Return the entries of the header after the title; a line that begins with three blanks goes on with the one above."""
    entries: list[str] = []
    for line in text.splitlines()[1:]:
        if not line.startswith("--"):
            break
        if line.startswith("--   ") and entries:
            entries[-1] += " " + line[5:].strip()
        else:
            entries.append(line.rstrip())
    return entries


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text else ()


def overview(sql_dir: Path) -> list[Definition]:
    """Return the reports that make the overview."""
    return [found for name in names(sql_dir) if (found := load(sql_dir, name)).in_overview]
