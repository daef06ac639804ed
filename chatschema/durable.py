"""Names of files that survive a power failure: a rename is on disk only once its folder is flushed as well."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
