"""The table [variables] of chatschema.toml, and CHATSCHEMA_VAR_NAME: the values for {{name}} in migrations. Values only."""

import re
from collections.abc import Mapping
from typing import Any

from chatschema.errors import UsageError

PREFIX = "CHATSCHEMA_VAR_"
NAME = re.compile(r"[a-z][a-z0-9_]*")


def parse(table: Mapping[str, Any], environ: Mapping[str, str], file: str) -> dict[str, str]:
    """Return the values by name; the environment counts before the file. Raises UsageError for a key or value of another form."""
    for name, value in table.items():
        # The value may be a secret, so it is not shown.
        if not NAME.fullmatch(name) or not isinstance(value, str):
            text = f"{file}: [variables] {name} is not a name in lower case with a text as its value"
            raise UsageError(text, 'write: reader_role = "chat_reader"', code="config.unknown")
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
    return {**table, **given}
