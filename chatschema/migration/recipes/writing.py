"""Writing the files of a recipe."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from chatschema.errors import UsageError
from chatschema.migration import template
from chatschema.migration.recipes import book, fitting
from chatschema.migration.recipes.book import Recipe
from chatschema.postgres import Connection

# With the number, the longest name that every file system takes with room for `.rollback.sql`.
_LONGEST_SLUG = 200


def recipe(name: str) -> Recipe:
    """Return the recipe `name`. Raises UsageError if there is none."""
    known = book.recipes()
    if name not in known:
        hint = "list them: chatschema new migration --recipes"
        raise UsageError(f"there is no recipe {name}; there are {', '.join(known)}", hint, code="recipe.unknown")
    return known[name]


def write(connection: Connection, folder: Path, chosen: Recipe, arguments: Sequence[str], now: datetime) -> list[Path]:
    """Write the pairs of files of a recipe in the order in which they run, and return their paths.

    Reads the database. Raises UsageError and ChatschemaError where the recipe does not fit; then nothing is written.
    """
    found = fitting.fit(connection, chosen, arguments)
    paths: list[Path] = []
    for page in chosen.pages:
        if not book.holds(page.condition, found.conditions):
            continue
        for own in found.each.get(page.each, []) if page.each else [{}]:
            slug, apply, rollback = (
                book.fill(text, {**found.values, **own}, found.conditions) for text in (page.slug, page.apply, page.rollback)
            )
            slug = re.sub(r"[^a-z0-9]+", "_", slug.lower()).strip("_")[:_LONGEST_SLUG]
            id = template.next_id(folder, slug, now)
            paths += template.write(folder, id, apply, f"-- Undoes {id}.\n{rollback}")
    return paths
