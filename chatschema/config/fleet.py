"""The file of `--fleet`: the databases that are migrated together, and in which order."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatschema import config
from chatschema.config import variables
from chatschema.errors import UsageError
from chatschema.values import Settings

_OF_FLEET = {"canary": list, "wave": int, "parallel": int}
_OF_TARGET = ("url", "url_env", "url_file")
_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Target:
    """One database of a fleet: its name in the file, and its settings."""

    name: str
    settings: Settings = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The databases in waves: the canary first, then `wave` at a time; and how many are migrated at once."""

    waves: tuple[tuple[Target, ...], ...]
    parallel: int

    @property
    def targets(self) -> list[Target]:
        """All databases, in the order in which they are migrated."""
        return [target for wave in self.waves for target in wave]


def load(path: Path, *, environ: Mapping[str, str], folder: Path, sql_dir: Path | None = None) -> Fleet:
    """Return the fleet of a file. Raises UsageError for one that cannot be understood, and for a secret that is missing."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", code="fleet.file") from None
    options, tables = content.pop("fleet", {}), content.pop("targets", {})
    if content or not isinstance(options, dict) or not isinstance(tables, dict) or not tables:
        hint = '[targets.shard-01] with url_env = "SHARD_01_URL", and [fleet] with canary, wave and parallel'
        raise UsageError(f"{path} is no list of databases", hint, code="fleet.file")
    for key, value in options.items():
        # bool is an int in Python.
        if key not in _OF_FLEET or type(value) is not _OF_FLEET[key] or (isinstance(value, int) and value < 1):
            text = f"{path}: [fleet] {key} = {value!r} is not a valid setting"
            raise UsageError(text, "canary is a list of names, wave and parallel are numbers from 1", code="fleet.file")
    # The addresses are the file's own; the values of variables are the same for all.
    given = {name: value for name, value in environ.items() if name.startswith(variables.PREFIX)}
    targets = {
        name: Target(name, config.load(url=_url(path, name, table, environ), environ=given, folder=folder, sql_dir=sql_dir))
        for name, table in tables.items()
    }
    _refuse_twins(path, targets)
    canary = _canary(path, options.get("canary", []), targets)
    rest = [target for target in targets.values() if target not in canary]
    size = options.get("wave", len(rest) or 1)
    waves = [canary, *(rest[start : start + size] for start in range(0, len(rest), size))]
    return Fleet(tuple(tuple(wave) for wave in waves if wave), options.get("parallel", _PARALLEL))


def _canary(path: Path, names: list[Any], targets: dict[str, Target]) -> list[Target]:
    """Return the databases that go first: those that the file names, or the first one."""
    for name in names:
        if name not in targets:
            raise UsageError(f"{path}: the canary {name!r} is not among the targets", f"add [targets.{name}]", code="fleet.file")
    return [targets[name] for name in names] or list(targets.values())[:1]


def _url(path: Path, name: str, table: Any, environ: Mapping[str, str]) -> str:
    """Return the connection URL of a target; its text is never printed."""
    if (
        not isinstance(table, dict)
        or len(table) != 1
        or set(table) - set(_OF_TARGET)
        or not isinstance(next(iter(table.values())), str)
    ):
        hint = f"[targets.{name}] has one of: {', '.join(_OF_TARGET)}"
        raise UsageError(f"{path}: the target {name} cannot be understood", hint, code="fleet.file")
    kind, value = next((key, str(text)) for key, text in table.items())
    if kind == "url_env":
        if not environ.get(value):
            raise UsageError(
                f"{path}: {value}, the URL of {name}, is not set or empty", "is a secret missing?", code="fleet.secret"
            )
        return environ[value]
    if kind == "url_file":
        file = path.parent / value
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: {file}, the URL of {name}, cannot be read: {error}", code="fleet.secret") from None
    if value == config.EMBEDDED:
        raise UsageError(f"{path}: the target {name} is the embedded server, which is one database", code="fleet.file")
    return value


def _refuse_twins(path: Path, targets: dict[str, Target]) -> None:
    seen: dict[str, str] = {}
    for name, target in targets.items():
        if (other := seen.setdefault(target.settings.conninfo, name)) != name:
            raise UsageError(f"{path}: {other} and {name} are the same database", "remove one of them", code="fleet.file")
