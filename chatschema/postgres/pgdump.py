"""Running pg_dump, the one that comes with the embedded server or one on the PATH."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chatschema.errors import ChatschemaError, UsageError
from chatschema.redact import redact


def run(conninfo: str, major_version: int, arguments: list[str], *, programs: Path | None) -> str:
    """Return what pg_dump prints.

    `programs` is a folder to look for it in, before the PATH. Raises UsageError if there is none that can read a server of
    `major_version`, and ChatschemaError if it fails.
    """
    # The password is passed by the environment: everybody can read a command line.
    parts = conninfo_to_dict(conninfo)
    environ = {**os.environ, **({"PGPASSWORD": str(parts.pop("password"))} if "password" in parts else {})}
    command = [str(_find(major_version, programs)), *arguments, "-d", make_conninfo("", **parts)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if result.returncode:
        message = f"pg_dump failed: {redact(result.stderr.strip())}"
        raise ChatschemaError(message, "check that this role may read all tables", code="schema.dump")
    return result.stdout


def _find(major_version: int, programs: Path | None) -> Path:
    candidates = [programs / "pg_dump"] if programs else []
    if found := shutil.which("pg_dump"):
        candidates.append(Path(found))
    for path in candidates:
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        if (match := re.search(r"\) (\d+)", version)) and int(match[1]) >= major_version:
            return path
    message = f"there is no pg_dump of version {major_version} or later"
    raise UsageError(message, "install one: pip install 'chatschema[embedded]'", code="schema.pg-dump")
