"""Reading sql/recipes/NAME.sql: a recipe's description, and the migrations that it writes, with {placeholders} and conditions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from chatschema import assets, sqlfile
from chatschema.errors import ChatschemaError

_HEAD = re.compile(r"-- (?P<name>[a-z-]+) (?P<arguments>[^:]+): (?P<summary>.+)")
_FILE = re.compile(r"-- file: (?P<slug>\S+)(?: each (?P<each>\w+))?(?: if (?P<condition>.+))?")
# Lines of a file that are written only if a condition holds.
_LINES = re.compile(r"^-- if (?P<condition>.+)\n(?P<lines>(?:.*\n)*?)-- end\n", re.MULTILINE)
_ROLLBACK = "-- rollback:"
_PLACE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Page:
    """A migration of a recipe: the name of its file, the objects for each of which it is written, its condition, and its texts."""

    slug: str
    each: str
    condition: str
    apply: str
    rollback: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe: its name and arguments as they are typed, what it does, its locks, what clients notice, and its files."""

    name: str
    arguments: str
    summary: str
    locks: str
    clients: str
    pages: tuple[Page, ...]


@cache
def recipes() -> dict[str, Recipe]:
    """Return all recipes by name, sorted."""
    paths = sorted((assets.sql_dir() / "recipes").glob("*.sql"))
    return {path.stem: _read(sqlfile.text_of(f"recipes/{path.name}")) for path in paths}


def _read(text: str) -> Recipe:
    head, *blocks = re.split(r"^(?=-- file: )", text, flags=re.MULTILINE)
    lines = dict(re.findall(r"^-- (Locks|Clients): (.+)$", head, re.MULTILINE))
    match = _matched(_HEAD, head.partition("\n")[0])
    return Recipe(
        **match.groupdict(), locks=lines["Locks"], clients=lines["Clients"], pages=tuple(_page(block) for block in blocks)
    )


def _matched(pattern: re.Pattern[str], line: str) -> re.Match[str]:
    match = pattern.fullmatch(line)
    if match is None:
        raise ChatschemaError(f"a recipe has the line {line!r}", "this is a bug; please report it", code="bug")
    return match


def _page(block: str) -> Page:
    first, _, rest = block.partition("\n")
    match = _matched(_FILE, first)
    apply, _, rollback = rest.partition(f"\n{_ROLLBACK}\n")
    return Page(match["slug"], match["each"] or "", match["condition"] or "", apply.strip() + "\n", rollback.strip() + "\n")


def holds(condition: str, conditions: Mapping[str, bool]) -> bool:
    """Return whether all parts of a condition hold, such as `partitioned, not unindexed`; an empty one does."""
    parts = [part.strip() for part in condition.split(",") if part.strip()]
    return all(not conditions[part[4:]] if part.startswith("not ") else conditions[part] for part in parts)


def fill(text: str, values: Mapping[str, str], conditions: Mapping[str, bool]) -> str:
    """Return the text with its placeholders filled and its conditions applied; a line of nothing but empty ones is left out."""
    text = _LINES.sub(lambda match: match["lines"] if holds(match["condition"], conditions) else "", text)
    lines = []
    for line in text.split("\n"):
        filled = _PLACE.sub(lambda match: values.get(match[1], match[0]), line)
        if filled.strip() or not line.strip():
            lines.append(filled.rstrip())
    return "\n".join(lines).rstrip("\n") + "\n"
