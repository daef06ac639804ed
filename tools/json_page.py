"""docs/reference/json.md: the documents that --json prints, from their JSON Schemas in docs/reference/json/."""

import json
from pathlib import Path
from typing import Any

HEAD = """\
# JSON documents

Generated from the [JSON Schemas](https://json-schema.org/) in `docs/reference/json/`, which the tests compare with the real output.

Every command that answers takes `--json` and prints one document on stdout.

- Times are ISO 8601 in UTC (`2026-11-23T09:33:00Z`). Sizes are bytes, durations are milliseconds.
- Keys are stable: a release may add one, and removes or renames none. Ignore the keys that you do not know.
- Every key is always present. Where there is no value it is `null`, or the list is empty.
- A command that fails before it has answered prints [an error document](#errors) instead. The message is on stderr as well, and the
  [exit code](exit-codes.md) shows the kind of failure.
- With `--dry-run`, `--list` or `--undo` it is another document; each has its section here.
"""
_ANCHOR = "common.schema.json#/$defs/"


def text(folder: Path) -> str:
    """Return the page for the schemas in `folder`."""
    common = json.loads((folder / "common.schema.json").read_text("utf-8"))["$defs"]
    paths = [path for path in sorted(folder.glob("*.schema.json")) if path.name != "common.schema.json"]
    documents = [(path, json.loads(path.read_text("utf-8"))) for path in paths]
    documents.sort(key=lambda one: str(one[1]["title"]))
    parts = [HEAD]
    for path, document in documents:
        parts.append(f"\n## {document['title']}\n\n`{document['$comment']}` · [schema](json/{path.name})\n\n{_intro(document)}")
        parts.append(_keys(document.get("items", document)))
    parts.append("\n## Shared values\n")
    for name, schema in sorted(common.items()):
        parts.append(f"\n### {name}\n\n{schema.get('description', '')}\n\n{_rows(schema)}")
    return "".join(parts)


def _intro(document: dict[str, Any]) -> str:
    text = document.get("description", "")
    if document["type"] == "array":
        text = f"A list. {text}".strip()
    return f"{text}\n\n" if text else ""


def _keys(schema: dict[str, Any]) -> str:
    """Return the table of an object's keys, and those of the objects that only it has."""
    parts = [_rows(schema)]
    for name, inner in schema["properties"].items():
        nested = _nested(inner)
        if nested:
            parts.append(f"\n`{name}`: {nested.get('description', 'An object.')}\n\n{_rows(nested)}")
    return "".join(parts)


def _nested(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return the object with keys of its own that a value is, or is a list of."""
    for inner in (schema, schema.get("items", {}), *schema.get("oneOf", ())):
        if "properties" in inner:
            found: dict[str, Any] = inner
            return found
    return None


def _rows(schema: dict[str, Any]) -> str:
    lines = ["| key | type | meaning |", "|---|---|---|"]
    for name, inner in schema["properties"].items():
        meaning = "" if _nested(inner) is inner else inner.get("description", "")
        lines.append(f"| `{name}` | {kind(inner)} | {meaning} |".replace("  |", " |"))
    return "\n".join(lines) + "\n"


def kind(schema: dict[str, Any]) -> str:
    """Return the type of a value in words."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_ANCHOR)
        return f"[{name}](#{name})"
    if "oneOf" in schema:
        return " or ".join(kind(one) for one in schema["oneOf"])
    if "enum" in schema:
        return ", ".join("null" if one is None else f"`{one}`" for one in schema["enum"])
    types = schema.get("type", "any")
    names = [types] if isinstance(types, str) else types
    return " or ".join(_one_kind(name, schema) for name in names)


def _one_kind(name: str, schema: dict[str, Any]) -> str:
    if name == "array":
        inner = kind(schema["items"])
        return (
            f"list of {inner}"
            if inner.startswith("[")
            else f"list of {inner.replace(' (', 's (', 1) if ' (' in inner else f'{inner}s'}"
        )
    if schema.get("format") == "date-time" and name == "string":
        return "time"
    if schema.get("format") == "uuid" and name == "string":
        return "UUID"
    return "month (`2024-12`)" if "pattern" in schema and name == "string" else name
