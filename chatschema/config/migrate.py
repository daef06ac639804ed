"""The table [migrate] of chatschema.toml: whether a plan must be reviewed first, and where plans are made."""

from collections.abc import Mapping
from typing import Any

from chatschema.errors import UsageError
from chatschema.values import Planning

_KEYS = {"require_plan": bool, "scratch": str, "allow_newer": bool}


def parse(table: Mapping[str, Any], file: str) -> Planning:
    """Return the rules of the table, with defaults for missing keys. Raises UsageError."""
    for key, value in table.items():
        if key not in _KEYS or type(value) is not _KEYS[key]:
            known = ", ".join(f"{name} ({kind.__name__})" for name, kind in _KEYS.items())
            text = f"{file}: [migrate] {key} = {value!r} is not a valid setting"
            raise UsageError(text, f"the settings are {known}", code="config.unknown")
    return Planning(table.get("require_plan", False), table.get("scratch"), table.get("allow_newer", False))
