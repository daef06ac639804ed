"""The private keys of the demo users, for reading their messages."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.seed.world import World

FILE = "demo-keys.json"


def write(connection: Connection, folder: Path, rng: int) -> Path:
    """Write the private keys of the demo users to a file that only its owner can read; return its path."""
    users = postgres.fetch_all(
        connection,
        "select u.username from public.users as u join chatschema.seeded_rows as s"
        " on s.table_name = 'users' and s.key[1] = u.id::text order by 1",
    )
    world = World(connection, "user_public_keys", rng, datetime.now(UTC))
    keys = {name: world.secret("private key", name).hex() for (name,) in users}
    return write_private(folder / FILE, "private keys of the demo users, X25519, hex", keys)


def write_private(path: Path, about: str, keys: object) -> Path:
    """Write private keys to a new file that only its owner can read, in place of an old one; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"about": about, "private_keys": keys}, file, indent=2)
    return path
