"""Reading the files of sqlx, diesel, goose, dbmate and flyway. Each reader returns the migrations in their order, and notes."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.migration.strangers.values import StrangerFile

Read = tuple[list[StrangerFile], list[str]]
_NUMBERED = re.compile(r"(?P<version>\d+)[_-](?P<words>.+?)(?P<way>\.up|\.down)?\.sql")
_FLYWAY = re.compile(r"(?P<kind>[VUBR])(?P<version>\d[\d._]*?)?__(?P<words>.+)\.sql")
_GOOSE = re.compile(r"--\s*\+goose\s+(?P<word>.+)", re.IGNORECASE)
_DBMATE = re.compile(r"--\s*migrate:(?P<way>up|down)(?P<options>.*)")


def sqlx(folder: Path) -> Read:
    """VERSION_words.sql, or VERSION_words.up.sql and .down.sql; -- no-transaction in the first line."""
    found = []
    downs = {match["version"]: path for path, match in _numbered(folder) if match["way"] == ".down"}
    for path, match in _numbered(folder):
        if match["way"] != ".down":
            up, back = _text(path), downs.get(match["version"])
            is_transactional = not up.startswith("-- no-transaction")
            # A number in the record of sqlx, as in that of goose.
            version = str(int(match["version"]))
            found.append(StrangerFile(version, match["words"], up, _text(back) if back else None, is_transactional, path))
    return _ordered(found), []


def diesel(folder: Path) -> Read:
    """VERSION_words/up.sql and down.sql, and metadata.toml where it does not run in a transaction."""
    found = []
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"(?P<version>[\d-]+)_(?P<words>.+)", path.name)
        if match is None or not (path / "up.sql").is_file():
            continue
        down, about = path / "down.sql", path / "metadata.toml"
        options = tomllib.loads(_text(about)) if about.is_file() else {}
        is_transactional = options.get("run_in_transaction", True) is not False
        back = _text(down) if down.is_file() else None
        version = match["version"].replace("-", "")
        found.append(StrangerFile(version, match["words"], _text(path / "up.sql"), back, is_transactional, path / "up.sql"))
    return _ordered(found), []


def goose(folder: Path) -> Read:
    """VERSION_words.sql with -- +goose Up and Down; files in Go cannot be converted."""
    found, notes = [], [f"{path.name} is a program, and was left out" for path in sorted(folder.glob("[0-9]*.go"))]
    for path, match in _numbered(folder):
        parts: dict[str, list[str]] = {"up": [], "down": []}
        way, is_transactional = "up", True
        for line in _text(path).splitlines(keepends=True):
            word = annotation["word"].strip().lower() if (annotation := _GOOSE.match(line.strip())) else ""
            if word in ("up", "down"):
                way = word
            elif word == "no transaction":
                is_transactional = False
            elif word.startswith("envsub on"):
                notes.append(f"{path.name} replaces variables (ENVSUB): write their values into the converted file")
            elif not word:
                parts[way].append(line)
        down = "".join(parts["down"])
        found.append(
            StrangerFile(
                str(int(match["version"])),
                match["words"],
                "".join(parts["up"]),
                down if down.strip() else None,
                is_transactional,
                path,
            )
        )
    return _ordered(found), notes


def dbmate(folder: Path) -> Read:
    """VERSION_words.sql with -- migrate:up and down; transaction:false behind it."""
    found = []
    for path, match in _numbered(folder):
        parts: dict[str, list[str]] = {"up": [], "down": []}
        way, is_transactional = "up", True
        for line in _text(path).splitlines(keepends=True):
            if annotation := _DBMATE.match(line.strip()):
                way = annotation["way"]
                is_transactional = is_transactional and "transaction:false" not in annotation["options"]
            else:
                parts[way].append(line)
        down = "".join(parts["down"])
        found.append(
            StrangerFile(
                match["version"], match["words"], "".join(parts["up"]), down if down.strip() else None, is_transactional, path
            )
        )
    return _ordered(found), []


def flyway(folder: Path) -> Read:
    """V1_2__words.sql, and U1_2__words.sql; repeatable and baseline files are named in the notes."""
    matches = [(path, match) for path in sorted(folder.glob("*.sql")) if (match := _FLYWAY.fullmatch(path.name))]
    downs = {_dotted(match["version"]): path for path, match in matches if match["kind"] == "U" and match["version"]}
    found, notes = [], []
    for path, match in matches:
        if match["kind"] in "RB":
            what = "is repeatable" if match["kind"] == "R" else "is a baseline"
            notes.append(f"{path.name} {what}, and was left out: write what it does as a migration")
        elif match["kind"] == "V" and match["version"]:
            version, text = _dotted(match["version"]), _text(path)
            about = path.with_name(f"{path.name}.conf")
            is_transactional = not (about.is_file() and re.search(r"(?m)^\s*executeInTransaction\s*=\s*false", _text(about)))
            if "${" in text:
                notes.append(f"{path.name} has placeholders: write their values into the converted file")
            back = downs.get(version)
            found.append(StrangerFile(version, match["words"], text, _text(back) if back else None, is_transactional, path))
    return _ordered(found), notes


def _dotted(version: str) -> str:
    """Return a version as flyway stores it."""
    return version.replace("_", ".").strip(".")


def _numbered(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for path in sorted(folder.glob("*.sql")):
        if match := _NUMBERED.fullmatch(path.name):
            yield path, match


def _ordered(found: list[StrangerFile]) -> list[StrangerFile]:
    return sorted(found, key=lambda one: [int(part) for part in one.version.split(".")])


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ChatschemaError(f"{path} cannot be read: {error}", "save it as UTF-8", code="strangers.file") from None
