"""Damages done to a database on purpose, each with the truth about it: what a report has to find, and the number it has to say.

A module has what belongs together, and lists its damages in DAMAGES. The number is computed another way than the report does.
"""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.support.database import Database


@dataclass(frozen=True)
class Truth:
    """The finding that a damage has to give: its object, or a part of it, and its value as known from the damage itself.

    `within`: by how much of it the value may be off. `says`: what its message has to contain, such as a second number.
    """

    object: str
    value: float | None = None
    within: float = 0.0
    says: str = ""


Build = Callable[[Database], AbstractContextManager[Truth]]


@dataclass(frozen=True)
class Damage:
    """A damage: the check that finds it, what does it, and for how long.

    `build` yields the truth while the damage lasts: sessions are open until it ends. `toml` lowers thresholds that nobody waits for.
    `settings` are the server's: such a damage gets a server of its own. `decision` says why no statement alone can be its fix.
    """

    name: str
    report: str
    check: str
    build: Build
    toml: str = ""
    settings: str = ""
    decision: str = ""


def everything() -> list[Damage]:
    """Return the damages of all modules."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    return [damage for name in names for damage in importlib.import_module(f"tests.report.damages.{name}").DAMAGES]
