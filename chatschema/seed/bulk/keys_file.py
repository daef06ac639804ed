"""The private keys of the users of a bulk seed, for reading its messages."""

import json
import os
from pathlib import Path

from chatschema.seed.bulk import pool
from chatschema.seed.bulk.plan import Size

FILE = "bulk-keys.json"
_ABOUT = (
    "private keys of the users of a bulk seed, X25519, hex: that of a user whose name ends in _N is at N modulo the number of keys"
)


def write(folder: Path, size: Size) -> Path:
    """Write the private keys to a file that only its owner can read; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.unlink(missing_ok=True)
    keys = [pool.private_key(size.rng, number).hex() for number in range(pool.KEY_PAIRS)]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"about": _ABOUT, "private_keys": keys}, file, indent=2)
    return path
