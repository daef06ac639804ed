"""The errors that the schema raises: SQLSTATE, constraint or trigger, table, cause, and what the application does.

`catalog.read()` takes them from a database. `packaged()` returns those of this release, from sql/errors.json, which is generated;
it needs no server.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from chatschema import assets

# The part of a constraint's name that an index of a month has instead of its parent's: messages_y2026m11_pkey.
_MONTH = re.compile(r"_y\d{4}m\d{2}(?=_|$)")


@dataclass(frozen=True, slots=True)
class Raised:
    """An error of the schema; `name` is empty where the server sends none. `table` has its schema, and is never a month."""

    sqlstate: str
    name: str
    table: str
    message: str
    cause: str

    @property
    def action(self) -> str:
        """What the application does about it."""
        actions = _actions()
        kind = "restrict" if self.message.startswith("update or delete") else self.sqlstate
        found = actions["name"].get(self.name if kind == self.sqlstate else "") or actions["sqlstate"].get(kind)
        if found is None:
            raise KeyError(f"no action for {self.sqlstate} {self.name}")
        return found


def packaged() -> list[Raised]:
    """Return the errors of the schema of this release, sorted by table, name and SQLSTATE."""
    return [Raised(**entry) for entry in json.loads(path().read_text("utf-8"))]


def path() -> Path:
    """Return the generated file."""
    return assets.sql_dir() / "errors.json"


def text(errors: list[Raised]) -> str:
    """Return the file's text for these errors."""
    return json.dumps([asdict(error) for error in errors], indent=1, ensure_ascii=False) + "\n"


def find(name: str) -> list[Raised]:
    """Return the errors with this constraint, also by the name that a month gives it, or with this SQLSTATE."""
    plain = _MONTH.sub("", name)
    return [error for error in packaged() if plain and plain in (error.name, error.sqlstate)]


@cache
def _actions() -> dict[str, dict[str, str]]:
    loaded: dict[str, Any] = tomllib.loads((resources.files("chatschema.raised") / "actions.toml").read_text("utf-8"))
    return {section: {key: str(value) for key, value in loaded[section].items()} for section in ("sqlstate", "cause", "name")}


def cause_of(name: str) -> str:
    """Return why a function raises the error of this name, where the comment of the function is about something else."""
    return _actions()["cause"].get(name, "")


def of_sqlstate(sqlstate: str) -> str:
    """Return what an application does about an error with this SQLSTATE."""
    return _actions()["sqlstate"][sqlstate]
