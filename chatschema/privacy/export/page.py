"""index.html of an export: a page for the person, that needs no program and no other host."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from chatschema import units
from chatschema.privacy.export.manifest import Manifest

NAME = "index.html"
# The page shows the beginning of each file; the files have everything.
_SHOWN = 50
_LONGEST = 200
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
:root { color-scheme: light dark; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; }
td { overflow-wrap: anywhere; min-width: 4rem; }
th { white-space: nowrap; }
"""


def html(manifest: Manifest, folder: Path) -> Iterator[bytes]:
    """Yield the page, in pieces; `folder` has the files that the manifest names."""
    yield (
        "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Your data: {escape(manifest.username)}</title><style>{_STYLE}</style>\n"
        f"<h1>Data of {escape(manifest.username)}</h1>\n"
        f"<p>As of {units.when(manifest.snapshot_at)} UTC, from database {escape(manifest.database)}."
        " Other people appear as person- and a number that means nothing outside of this export."
        " The files beside this page have everything, one JSON object a line;"
        " <a href=manifest.json>manifest.json</a> has their checksums.</p>\n"
    ).encode()
    for file in manifest.files:
        yield f"<h2>{escape(file.name.removesuffix('.jsonl'))}</h2>\n<p>{escape(file.what)}.".encode()
        yield f" {file.rows} rows, {units.size(file.bytes)}: <a href={escape(file.name)}>{escape(file.name)}</a></p>\n".encode()
        yield from _table(folder / file.name, file.rows or 0)
    yield b"<h2>Not in this export</h2>\n<div class=table><table>\n"
    for one in manifest.left_out:
        yield f"<tr><th>{escape(one.what)}</th><td>{escape(one.why)}</td></tr>\n".encode()
    yield b"</table></div>\n</html>\n"


def _table(path: Path, rows: int) -> Iterator[bytes]:
    if not rows:
        return
    with path.open(encoding="utf-8") as file:
        first = [json.loads(line) for line, _ in zip(file, range(_SHOWN), strict=False)]
    # A column without any value in these rows has nothing to show.
    names = [name for name in first[0] if any(row[name] not in (None, [], {}) for row in first)]
    yield b"<div class=table><table>\n<tr>"
    yield "".join(f"<th>{escape(name)}</th>" for name in names).encode() + b"</tr>\n"
    for row in first:
        yield ("<tr>" + "".join(f"<td>{_cell(row[name])}</td>" for name in names) + "</tr>\n").encode()
    yield b"</table></div>\n"
    if rows > len(first):
        yield f"<p>The first {len(first)} of {rows} rows.</p>\n".encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape(text if len(text) <= _LONGEST else text[:_LONGEST] + " ...")
