"""The private keys of the users of a bulk seed, for reading its messages."""

from pathlib import Path

from chatschema.seed import demo_keys
from chatschema.seed.bulk import pool
from chatschema.seed.bulk.plan import Size

FILE = "bulk-keys.json"
_ABOUT = (
    "private keys of the users of a bulk seed, X25519, hex: that of a user whose name ends in _N is at N modulo the number of keys"
)


def write(folder: Path, size: Size) -> Path:
    """Write the private keys to a file that only its owner can read; return its path."""
    keys = [pool.private_key(size.rng, number).hex() for number in range(pool.KEY_PAIRS)]
    return demo_keys.write_private(folder / FILE, _ABOUT, keys)
