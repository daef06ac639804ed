"""The header of a report file: title, reason, checks and thresholds, as `report explain` prints them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from chatschema import assets, sqlfile
from chatschema.errors import ChatschemaError, UsageError

_ENTRY = re.compile(r"-- (Why|Check|Threshold|Needs|Fully|Runs on|Counters|Overview|Acute)(?: (\w+))?(?: = (-?[\d.]+))?: (.+)")
# Commands of chatschema report, which no report can have as its name.
_COMMANDS = {"explain", "snapshot", "diff", "watch", "report"}
_WORDS = {
    "Runs on": ("anything", "primary"),
    "Overview": ("yes", "no"),
    "Acute": ("yes", "no"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that decides a verdict: its default and its meaning."""

    default: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One report: the header of its file.

    `needs`: extensions without which it cannot run. `fully`: roles without which it sees less. `on_primary`: whether
    it cannot run on a standby. `is_acute`: whether it looks at this moment: its findings come first among equals.
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
            f"{sql_dir} contains neither migrations/ nor reports/",
            "give the folder above them: --sql-dir DIR, or sql_dir in chatschema.toml",
            code="report.folder",
        )
    found = {path.stem: path.absolute() for folder in (assets.sql_dir(), sql_dir) for path in (folder / "reports").glob("*.sql")}
    if taken := _COMMANDS.intersection(found):
        name = taken.pop()
        raise ChatschemaError(
            f"{name}.sql cannot be a report: chatschema report {name} is a command", "rename the file", code="report.name-taken"
        )
    return found


def load(sql_dir: Path, name: str) -> Definition:
    """Return the report `name`. Raises UsageError, with a similar name, when there is none; ChatschemaError for a bad header."""
    known = _files(sql_dir)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean: chatschema report {near[0]}" if near else "list the reports: chatschema report --list"
        raise UsageError(f"there is no report {name}", hint, code="report.unknown")
    return parse(known[name])


def parse(path: Path) -> Definition:
    """Return the header of the file. Raises ChatschemaError for a line that is not understood."""
    file = sqlfile.read(path)
    if len(file.statements) != 1:
        raise wrong(path, f"it has {len(file.statements)} statements; a report is one query")
    object_, separator, title = file.title.partition(": ")
    if object_ != path.stem or not separator:
        raise wrong(path, f"its first line is not `-- {path.stem}: sentence.`")
    entries: dict[str, str] = {}
    checks: dict[str, str] = {}
    thresholds: dict[str, Threshold] = {}
    for entry in _entries(file.text):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise wrong(path, f"the header line {entry!r} is not understood")
        key, name, default, text = match.groups()
        if key == "Check" and name:
            checks[name] = text
        elif key == "Threshold" and name and default:
            thresholds[name] = Threshold(float(default) if "." in default else int(default), text)
        elif not name and not default and text in _WORDS.get(key, (text,)):
            entries[key] = text
        else:
            raise wrong(path, f"the header line {entry!r} is not understood")
    return Definition(
        name=path.stem,
        path=path,
        title=title,
        why=entries.get("Why", ""),
        checks=checks,
        thresholds=thresholds,
        needs=_listed(entries.get("Needs")),
        fully=_listed(entries.get("Fully")),
        on_primary=entries.get("Runs on") == "primary",
        in_overview=entries.get("Overview") != "no",
        is_acute=entries.get("Acute") == "yes",
        counters=_listed(entries.get("Counters")),
    )


def wrong(path: Path, problem: str) -> ChatschemaError:
    """Return the error for a report file that is not valid."""
    return ChatschemaError(f"{path.name}: {problem}", "see: docs/how-to/add-report.md", code="report.definition")


def _entries(text: str) -> list[str]:
    """Return the entries of the header after the title; a line that begins with three blanks continues the one above."""
    entries: list[str] = []
    for line in text.splitlines()[1:]:
        if not line.startswith("--"):
            break
        if line.startswith("--   ") and entries:
            entries[-1] += " " + line[5:].strip()
        else:
            entries.append(line.rstrip())
    return entries


def plain(value: float) -> str:
    """Return a threshold as it is written in chatschema.toml."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def values(definition: Definition, given: Mapping[str, float]) -> dict[str, float]:
    """Return the thresholds of a report, those of `given` first. Raises UsageError for one that the report does not have."""
    for name in given.keys() - definition.thresholds.keys():
        known = ", ".join(f"{key} = {plain(one.default)}" for key, one in definition.thresholds.items()) or "none"
        raise UsageError(
            f"chatschema.toml: [report.{definition.name}] {name} is not a threshold",
            f"its thresholds: {known}",
            code="report.threshold",
        )
    return {name: given.get(name, one.default) for name, one in definition.thresholds.items()}


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text else ()


def every(sql_dir: Path) -> list[Definition]:
    """Return all reports, sorted by name. Raises as names() and load() do."""
    return [parse(path) for _, path in sorted(_files(sql_dir).items())]


def overview(sql_dir: Path) -> list[Definition]:
    """Return the reports that make the overview."""
    return [found for found in every(sql_dir) if found.in_overview]
