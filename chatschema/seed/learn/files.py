"""The file of a learned profile."""

import re
from pathlib import Path

from chatschema.errors import ChatschemaError, UsageError


def place(folder: Path, name: str) -> Path:
    """Return the path of a new profile in the folder of the seeders. Raises UsageError for a name that is invalid or taken."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,60}", name):
        hint = "use lower-case letters, digits, _ and -: chatschema new profile production --from URL"
        raise UsageError(f"{name!r} is not a valid name for a profile", hint, code="seed.profile-file")
    path = folder / "profiles" / f"{name}.toml"
    if path.exists():
        hint = "choose another name, or remove the file; each profile that is learned shows a little more of the database"
        raise UsageError(f"profile {name} already exists", hint, code="seed.profile-file")
    return path


def write(path: Path, content: str) -> None:
    """Write the profile. Raises ChatschemaError where the file cannot be written; nothing is left of it then."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(content)
                file.flush()
            except OSError:
                path.unlink(missing_ok=True)
                raise
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror}"
        raise ChatschemaError(text, "use another folder", code="seed.profile-file") from None
