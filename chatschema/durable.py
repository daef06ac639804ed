"""Files and names that survive a power failure: a rename is on disk only once its folder is flushed as well."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file with these rights beside `path`, and move it there when it is complete: others read the old one or the new one.

    Raises OSError; then no partial file is left, and an existing file is unchanged. sync_folder() flushes the new name.
    """
    with NamedTemporaryFile(dir=path.parent, prefix=".chatschema-", delete=False) as part:
        try:
            part.write(content)
            part.flush()
            os.fsync(part.fileno())
            Path(part.name).chmod(mode)
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
