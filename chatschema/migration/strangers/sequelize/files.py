"""The files of sequelize-cli, in the order in which it runs them."""

import re
from dataclasses import dataclass
from pathlib import Path

from chatschema.errors import ChatschemaError, UsageError

_PROGRAMS = (".js", ".cjs", ".mjs")
_NAME = re.compile(r"(?P<version>\d+)[-_.]?(?P<words>.*)\.(?:js|cjs|mjs)")


@dataclass(frozen=True, slots=True)
class Program:
    """A migration of sequelize-cli: its file, its number, its words, and SQL that was written for it by hand."""

    path: Path
    version: str
    words: str
    up: str | None
    down: str | None


def programs(folder: Path) -> list[Program]:
    """Return the migrations of a folder, by name. Raises UsageError for none, ChatschemaError for one that cannot be run."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if typed := [path.name for path in paths if re.search(r"(?<!\.d)\.[cm]?ts$", path.name)]:
        raise ChatschemaError(
            f"{', '.join(typed[:5])} {'is' if len(typed) == 1 else 'are'} TypeScript, which node does not run",
            "compile them, and name the folder with the result",
            code="strangers.file",
        )
    found = [_program(path) for path in paths if path.suffix in _PROGRAMS]
    if not found:
        raise UsageError(f"{folder} has no migration of sequelize", "name the folder that has its files", code="strangers.none")
    return found


def _program(path: Path) -> Program:
    match = _NAME.fullmatch(path.name)
    if match is None:
        text = f"{path.name} has no number at the beginning of its name"
        raise ChatschemaError(text, "rename the file, and its row in SequelizeMeta, first", code="strangers.version")
    return Program(path, match["version"], match["words"] or "migration", _text(path, ".sql"), _text(path, ".down.sql"))


def _text(path: Path, end: str) -> str | None:
    written = path.with_name(path.stem + end)
    try:
        return written.read_text("utf-8-sig").replace("\r\n", "\n") if written.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise ChatschemaError(f"{written} cannot be read: {error}", "save it as UTF-8", code="strangers.file") from None
