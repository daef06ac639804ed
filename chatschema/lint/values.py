"""The values of lint: rules, hits and findings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")
# A table as the catalog knows it: schema and name.
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, its level without a database, and what it costs on a large table.

    `cost`: "read" where all rows are read while others wait, "write" where they are written as well, "" where the size of the
    table does not matter.
    """

    name: str
    level: Level
    cost: Literal["read", "write", ""] = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that breaks a rule: its line, the table that it is about, the message, and the next step."""

    rule: str
    line: int
    message: str
    fix: str
    table: Name | None = None
    is_rollback: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A hit with its level, in its file. `because`: the reason for which it is ignored; `weight`: the live size of the table."""

    rule: str
    level: Level
    file: Path
    line: int
    message: str
    fix: str
    table: str | None = None
    because: str | None = None
    weight: str | None = None


def worst(findings: list[Finding]) -> Level | None:
    """Return the highest level among the findings that are not ignored; None without one."""
    levels = {one.level for one in findings if one.because is None}
    return next((level for level in LEVELS if level in levels), None)
