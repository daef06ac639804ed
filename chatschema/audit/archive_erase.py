"""Erasing the personal data of a subject from the files of archived seals: the digests stay, so that they still verify."""

import gzip
import os
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from chatschema import audit, durable, postgres
from chatschema.audit import about, archive_file, ledger
from chatschema.audit.about import About
from chatschema.audit.records import Seal
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

# The server decides which lines are meant: this many at a time.
_BLOCK = 1000


def files(connection: Connection) -> list[Seal]:
    """Return the seals that have a file, oldest first; none where there are no seals."""
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        return []
    return [seal for seal in ledger.seals(connection) if seal.archive is not None]


def erase(connection: Connection, seal: Seal, meant: About) -> int:
    """Blank the entries that are meant; return how many.

    Another run may be killed at any moment: the file has its name only once it is whole, and a file that was not recorded yet is
    recorded by the next run. Raises ChatschemaError where the file cannot be read, or is not that of the seal; OSError.
    """
    path = Path(seal.archive or "")
    partial = path.with_name(path.name + ".part")
    wrong = archive_file.check(path, seal)
    if wrong:
        raise ChatschemaError(f"{path}: {wrong}", "see: chatschema audit verify", code="audit.archive-differs")
    try:
        count = _rewrite(connection, path, partial, meant)
        if count:
            wrong = archive_file.check(partial, seal)
            if wrong:
                raise ChatschemaError(
                    f"{partial}: {wrong}; {path} was kept", "see: chatschema audit verify", code="audit.archive-differs"
                )
            partial.rename(path)
            durable.sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)
    digest = archive_file.sha256_of(path)
    if digest != seal.archive_sha256:
        with postgres.transaction(connection):
            query = "update chatschema.audit_seals set archive_sha256 = %s where number = %s"
            postgres.execute(connection, query, (digest, seal.number))
            audit.record(connection, "audit.erase_archive", "audit_seal", str(seal.number), file=str(path), sha256=digest.hex())
    return count


def _rewrite(connection: Connection, path: Path, partial: Path, meant: About) -> int:
    count = 0
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed, closing(archive_file.lines(path)) as found:
            while block := list(islice(found, _BLOCK)):
                count += _blank(connection, block, meant)
                packed.write(b"".join(map(archive_file.line, block)))
        file.flush()
        os.fsync(file.fileno())
    return count


def _blank(connection: Connection, block: list[dict[str, Any]], meant: About) -> int:
    # The first line of a file is about the seal, and has none.
    full = [line for line in block if line.get("personal") is not None]
    wanted = about.lines(connection, meant, full) if full else set()
    for place in wanted:
        full[place]["personal"] = None
    return len(wanted)
