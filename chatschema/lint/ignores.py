"""Findings that somebody decided to accept: by a comment in the file, or in lint.toml beside the migrations.

A released file cannot be edited, because its checksum is in every database that has it. Its reasons are in lint.toml.
"""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatschema import statements
from chatschema.errors import UsageError
from chatschema.lint.values import Hit
from chatschema.sqlfile import SqlFile

FILE = "lint.toml"
_COMMENT = re.compile(r"--[ \t]*chatschema:[ \t]*ignore\b(?P<rest>.*)", re.IGNORECASE)
_REST = re.compile(r"\s+(?P<rules>[\w.,\- \t]+?)\s+because\s+(?P<reason>\S.*)", re.IGNORECASE)
_EXAMPLE = "write: -- chatschema: ignore RULE because REASON"


@dataclass
class Ignore:
    """A rule that is ignored between two lines of a file, and why; `is_used`: whether it had something to ignore."""

    rule: str
    because: str
    line: int
    first: int
    last: int
    is_used: bool = False


@dataclass(frozen=True)
class Accepted:
    """The contents of lint.toml: the rules that are off, and the reasons by file and rule; * stands for any part of a name."""

    off: frozenset[str] = frozenset()
    entries: tuple[tuple[str, str, str], ...] = ()
    used: set[int] = field(default_factory=set)

    def reason(self, file: str, rule: str) -> str | None:
        """Return why a rule is ignored in a file; None if it is not."""
        for number, (pattern, wanted, because) in enumerate(self.entries):
            if wanted == rule and fnmatch.fnmatchcase(file, pattern):
                self.used.add(number)
                return because
        return None


def read(file: SqlFile, known: Sequence[str]) -> tuple[list[Ignore], list[Hit]]:
    """Return the ignores of a file, and a hit for each that cannot be understood.

    One in the header counts for the whole file, any other for the statement that it is in or before.
    """
    found: list[Ignore] = []
    wrong: list[Hit] = []
    places = [(one.line, one.line + one.text.count("\n")) for one in file.statements]
    masked = statements.without_literals(file.content).decode().split("\n")
    original = file.text.split("\n")
    for number, line in enumerate(masked, 1):
        if not (match := _COMMENT.search(line)):
            continue
        rest = _REST.fullmatch(original[number - 1][match.start("rest") :].rstrip())
        if rest is None:
            wrong.append(Hit("ignore", number, "the comment does not say which rule it ignores, and why", _EXAMPLE))
            continue
        first, last = _scope(places, number, len(masked))
        for name in (name.removeprefix("lint.") for name in re.split(r"[\s,]+", rest["rules"])):
            if name in known:
                found.append(Ignore(name, rest["reason"].strip(), number, first, last))
            else:
                wrong.append(Hit("ignore", number, f"there is no rule {name}", "list them: chatschema lint --rules"))
    return found, wrong


def _scope(places: list[tuple[int, int]], line: int, lines: int) -> tuple[int, int]:
    """Return the first and the last line that a comment on this line is about."""
    if not places or line < places[0][0]:
        return 1, lines
    inside = next((place for place in places if place[1] >= line), None)
    return inside or (line, line)


def accepted(folder: Path, known: Sequence[str]) -> Accepted:
    """Return what lint.toml in the folder above the migrations accepts. Raises UsageError for a file that cannot be read."""
    path = folder.parent / FILE
    if not path.is_file():
        return Accepted()
    import tomllib

    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", code="lint.file") from None
    off = content.pop("off", [])
    entries = content.pop("ignore", [])
    if content or not _are_texts(off) or not isinstance(entries, list):
        raise UsageError(f"{path}: the settings are off = [RULE, ...] and [[ignore]]", code="lint.file")
    read = tuple(_entry(path, one) for one in entries)
    for name in [*off, *(rule for _, rule, _ in read)]:
        if name not in known:
            raise UsageError(f"{path}: there is no rule {name}", "list them: chatschema lint --rules", code="lint.rule")
    return Accepted(frozenset(off), read)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _entry(path: Path, entry: Any) -> tuple[str, str, str]:
    keys = ("file", "rule", "because")
    if (
        not isinstance(entry, dict)
        or set(entry) != set(keys)
        or not all(isinstance(entry[key], str) and entry[key] for key in keys)
    ):
        hint = '[[ignore]] with file = "20261126000004_*", rule = "lock-table" and because = "..."'
        raise UsageError(f"{path}: an entry of ignore needs file, rule and because", hint, code="lint.file")
    return entry["file"], entry["rule"], entry["because"]
