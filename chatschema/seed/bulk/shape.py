"""What a chat looks like, in numbers: how conversations, days and messages are distributed. Read from seeds/profiles/*.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from chatschema.errors import UsageError
from chatschema.seed.bulk import bins


@dataclass(frozen=True, slots=True)
class Shape:
    """How a chat is distributed; the numbers of messages and statuses are of 1000.

    `direct`: of 100 conversations; the others have 3 to `largest_group` members. `hours`, `days`: how much is written in each hour
    of a day in UTC, and on each day of the week from Monday.

    The last four are histograms, which a learned profile has. `groups`: how many groups have 1, 2, 3, ... members. The others have
    the ranges of bins.py: how many conversations have so many messages; how many messages back replies answer, from 1; how many
    messages have a ciphertext of so many bytes. Where one is empty, the shape has a rule of its own.
    """

    direct: int = 60
    largest_group: int = 8
    hours: tuple[int, ...] = (2, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 18, 20, 18, 17, 17, 16, 15, 14, 15, 17, 16, 10, 5)
    days: tuple[int, ...] = (10, 11, 11, 10, 9, 6, 5)
    system: int = 2
    replies: int = 150
    edited: int = 40
    deleted: int = 30
    files: int = 40
    read: int = 930
    reactions: int = 30
    groups: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    distances: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()


DEMO = Shape()
# The tables of a profile, and the keys in each.
_TABLES = {
    "conversations": ("direct", "largest_group", "groups", "sizes"),
    "rhythm": ("hours", "days"),
    "messages": ("system", "replies", "edited", "deleted", "files", "distances", "lengths"),
    "statuses": ("read", "reactions"),
}
_SIZES = ("messages", "users", "conversations", "months")
LARGEST_GROUP = 64
# The histograms that may be left out, and the most ranges that each may have.
_HISTOGRAMS = {"groups": LARGEST_GROUP, "sizes": len(bins.LOWER), "distances": len(bins.LOWER) - 1, "lengths": len(bins.LOWER)}


@dataclass(frozen=True, slots=True)
class Profile:
    """A file of profiles/: a shape, and numbers for the options that are not given."""

    name: str = "demo"
    shape: Shape = DEMO
    sizes: Mapping[str, int] = field(default_factory=dict)


def find(name: str, folders: list[Path]) -> Profile:
    """Return the profile of this name from the first folder that has it. Raises UsageError."""
    there = {path.stem: path for folder in reversed(folders) for path in sorted((folder / "profiles").glob("*.toml"))}
    if name not in there:
        text = f"there is no profile {name}"
        raise UsageError(text, f"the profiles are: {', '.join(sorted(there))}", code="seed.profile")
    return parse(name, there[name].read_bytes())


def parse(name: str, content: bytes) -> Profile:
    """Return the profile in the text of a file. Raises UsageError."""
    try:
        return read(name, tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"profile {name} cannot be read: {error}", f"correct {name}.toml", code="seed.profile") from None


def read(name: str, document: Mapping[str, Any]) -> Profile:
    """Return the profile in a document. Raises UsageError for a key or a value that has no meaning."""
    values: dict[str, Any] = {}
    for table, keys in _TABLES.items():
        part = document.get(table, {})
        _refuse(name, f"table {table}", None if isinstance(part, dict) else part)
        for key, value in part.items():
            _refuse(name, f"{table}.{key}", key if key not in keys else None if _is_valid(key, value) else value)
            values[key] = tuple(value) if isinstance(value, list) else value
    sizes = document.get("size", {})
    _refuse(name, "table size", None if isinstance(sizes, dict) else sizes)
    for key, value in sizes.items():
        _refuse(name, f"size.{key}", None if key in _SIZES and isinstance(value, int) and not isinstance(value, bool) else value)
    for table in document:
        _refuse(name, f"table {table}", None if table in (*_TABLES, "size") else table)
    shape = Shape(**values)
    if shape.system + shape.edited + shape.deleted > 1000:
        _refuse(name, "messages", "system, edited and deleted, which are over 1000")
    return Profile(name, shape, sizes)


def _is_valid(key: str, value: Any) -> bool:
    if key in ("hours", "days"):
        length = {"hours": 24, "days": 7}[key]
        return (
            isinstance(value, list) and len(value) == length and all(_is_number(one, 0, 1_000_000) for one in value) and all(value)
        )
    if key in _HISTOGRAMS:
        is_list = isinstance(value, list) and 0 < len(value) <= _HISTOGRAMS[key]
        # Something must be beyond the range of nothing.
        return is_list and all(_is_number(one, 0, 1_000_000) for one in value) and any(value[key in ("sizes", "lengths") :])
    lowest, highest = {"direct": (0, 100), "largest_group": (3, LARGEST_GROUP)}.get(key, (0, 1000))
    return _is_number(value, lowest, highest)


def _is_number(value: Any, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _refuse(name: str, place: str, value: object) -> None:
    """Raise UsageError unless the value is None."""
    if value is not None:
        text = f"profile {name}: {place} cannot be {value}"
        raise UsageError(text, "docs/how-to/bulk-seed.md has the keys of a profile and their values", code="seed.profile")


def as_document(shape: Shape) -> dict[str, Any]:
    """Return a shape for the record of a seed, without histograms that it does not have."""
    return {key: value for key, value in asdict(shape).items() if value != ()}


def of_document(document: Mapping[str, Any]) -> Shape:
    """Return the shape that was recorded."""
    known = {one.name for one in fields(Shape)}
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
    return Shape(**{key: value for key, value in values.items() if key in known})
