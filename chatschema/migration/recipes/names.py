"""Names and statements that a recipe writes: names that the server keeps, and objects as they were before."""

import hashlib
import re

from chatschema.errors import UsageError
from chatschema.migration.recipes.look import Dependent, Table

# The server cuts longer names off.
_LONGEST = 63
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def refuse_quoted(*names: str) -> None:
    """Raise UsageError for a name that has to be quoted, in statements and in parts of other names."""
    if quoted := next((one for one in names if not _PLAIN.fullmatch(one)), None):
        hint = "write the files by hand: chatschema new migration NAME"
        raise UsageError(f"{quoted!r} has to be quoted in SQL, and recipes write plain names only", hint, code="recipe.name")


def name(stem: str, suffix: str) -> str:
    """Return a name that the server does not cut off: a long one ends with a digest."""
    longest = _LONGEST - len(suffix)
    return (stem if len(stem) <= longest else f"{stem[: longest - 7]}_{hashlib.sha256(stem.encode()).hexdigest()[:6]}") + suffix


def literal(text: str | None) -> str:
    """Return a text as SQL writes it."""
    escaped = (text or "").replace("'", "''")
    return f"'{escaped}'"


def rebuilt(table: Table, one: Dependent) -> list[str]:
    """Return the statements that create a constraint or index again, with its comment."""
    if one.kind == "index":
        statement, on = f"{one.definition};", f"index {table.schema}.{one.name}"
    else:
        statement = f"alter table {table.relation} add constraint {one.name} {one.definition};"
        on = f"constraint {one.name} on {table.relation}"
    return [lower(statement), *([f"comment on {on} is {literal(one.comment)};"] if one.comment else [])]


def lower(statement: str) -> str:
    """Return a statement of the server with its key words in lower case."""
    parts = re.split(r"('(?:[^']|'')*'|\"[^\"]*\")", statement)
    return "".join(
        part if place % 2 else re.sub(r"\b[A-Z]+\b", lambda word: word[0].lower(), part) for place, part in enumerate(parts)
    )
