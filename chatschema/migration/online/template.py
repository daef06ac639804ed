"""The files of a new index: `new migration --index`."""

import hashlib
import re
from datetime import datetime
from pathlib import Path

from chatschema.errors import UsageError
from chatschema.migration import template
from chatschema.migration.template import UNWRITTEN

# The server cuts longer names off.
_LONGEST = 63
_NAME = re.compile(r"(?:(?P<schema>[a-z_][a-z0-9_]*)\.)?(?P<table>[a-z_][a-z0-9_]*)")
# Words of an index that are no columns.
_NOISE = {"asc", "desc", "nulls", "first", "last", "collate"}
_APPLY = """\
-- {table}: {unique}index on {columns}.
-- Why: {todo} the query that it serves.
-- Risk: share update exclusive on one partition at a time while its index is built; then share on {table} for a moment.
-- online: index
create {unique}index {index} on {schema}.{table} {columns};

comment on index {schema}.{index} is '{todo} the query that it serves.';
"""
_ROLLBACK = """\
-- Undoes {id}.
-- online: index
drop index {schema}.{index};
"""


def write_index(folder: Path, table: str, columns: str, now: datetime, *, is_unique: bool) -> tuple[Path, Path]:
    """Write the pair of files of an index on `columns`, the text after the table in `create index`; return their paths.

    Raises UsageError if the table is not a plain name, or the columns name no column.
    """
    name = _NAME.fullmatch(table)
    text = " ".join(columns.split())
    if not text.lower().startswith(("(", "using ")):
        text = re.sub(r"^(.*?)(?=\s(?:include|with|where)\b|$)", r"(\1)", text, count=1, flags=re.IGNORECASE)
    bare = re.sub(r"'[^']*'|using\s+\w+", " ", re.split(r"\s(?:where|with|include)\b", text.lower())[0])
    keys = [word for word in re.findall(r"[a-z_][a-z0-9_]*", bare) if word not in _NOISE]
    if name is None or not keys or ";" in text or not text.isascii():
        raise UsageError(
            f"--index {table!r} {columns!r} is not a table and its columns",
            'write the table and the columns: chatschema new migration --index messages "(sender_id, created_at)"',
            code="usage.index",
        )
    what = _short(f"{name['table']}_{'_'.join(keys)}")
    index = f"{what}_key" if is_unique else f"idx_{what}"
    id = template.next_id(folder, f"add_{what}_index", now)
    values = {
        "id": id, "table": name["table"], "schema": name["schema"] or "public", "columns": text, "index": index,
        "unique": "unique " if is_unique else "", "todo": UNWRITTEN,
    }  # fmt: skip
    return template.write(folder, id, _APPLY.format(**values), _ROLLBACK.format(**values))


def _short(name: str) -> str:
    """Return the name, or its beginning and a digest, so that an index and a file can have it."""
    name = re.sub(r"_+", "_", name).strip("_")
    longest = _LONGEST - len("idx_")
    return name if len(name) <= longest else f"{name[: longest - 7].rstrip('_')}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"
