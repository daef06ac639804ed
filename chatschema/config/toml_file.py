"""Reading chatschema.toml: what stands at its top level, and its tables, whose own modules read them."""

from pathlib import Path
from typing import Any

from chatschema.errors import UsageError

_TEXTS = ("url", "sql_dir", "seeds_dir")
_LISTS = ("replicas",)
_TABLES = (
    "partition", "locks", "batches", "migrate", "privacy", "report", "sessions", "retention", "audit", "verify", "variables",
    "events",
)  # fmt: skip


def read(path: Path) -> tuple[dict[str, str], dict[str, list[str]], dict[str, dict[str, Any]]]:
    """Return the texts and lists of texts at the top level of the file, and its tables. Raises UsageError."""
    if not path.is_file():
        return {}, {}, {}
    import tomllib

    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}", code="config.file") from None
    tables = {key: value for key, value in content.items() if key in _TABLES and isinstance(value, dict)}
    texts = {key: value for key, value in content.items() if key in _TEXTS and isinstance(value, str)}
    lists = {
        key: value
        for key, value in content.items()
        if key in _LISTS and isinstance(value, list) and all(isinstance(one, str) for one in value)
    }
    for key in content.keys() - tables.keys() - texts.keys() - lists.keys():
        known = f"{', '.join(_TEXTS)} (texts), {', '.join(_LISTS)} (a list of texts), [{'], ['.join(_TABLES)}]"
        raise UsageError(f"{path.name}: {key} is not a valid setting", f"the settings are {known}", code="config.unknown")
    return texts, lists, tables
