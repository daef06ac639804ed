"""Erasing the personal data of a user from the files of archived seals: the digests stay, so that they still verify."""

import gzip
import os
import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

from chatschema import audit, durable, postgres
from chatschema.audit import archive_file, ledger
from chatschema.audit.records import Seal
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection


def files(connection: Connection) -> list[Seal]:
    """Return the seals that have a file, oldest first; none where there are no seals."""
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        return []
    return [seal for seal in ledger.seals(connection) if seal.archive is not None]


def erase(connection: Connection, seal: Seal, subject: UUID, values: Sequence[str]) -> int:
    """Blank the entries by or about a user, or with one of the values in their details; return how many.

    Another run may be killed at any moment: the file has its name only once it is whole, and a file that was not recorded yet is
    recorded by the next run. Raises ChatschemaError where the file cannot be read, or is not that of the seal; OSError.
    """
    path = Path(seal.archive or "")
    partial = path.with_name(path.name + ".part")
    wrong = archive_file.check(path, seal)
    if wrong:
        raise ChatschemaError(f"{path}: {wrong}", "see: chatschema audit verify", code="audit.archive-differs")
    try:
        count = _rewrite(path, partial, str(subject), [_word(value) for value in values])
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


def _rewrite(path: Path, partial: Path, subject: str, words: Sequence[re.Pattern[str]]) -> int:
    count = 0
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed, closing(archive_file.lines(path)) as found:
            for line in found:
                if line.get("personal") is not None and _is_meant(line, subject, words):
                    line["personal"] = None
                    count += 1
                packed.write(archive_file.line(line))
        file.flush()
        os.fsync(file.fileno())
    return count


def _is_meant(line: dict[str, Any], subject: str, words: Sequence[re.Pattern[str]]) -> bool:
    details = line["personal"]["details"] or ""
    # What erasures record is kept: it proves them.
    is_proof = line["action"] == "audit.erase" or line["action"].startswith("privacy.")
    return not is_proof and (subject in (line["user_id"], line["resource_id"]) or any(word.search(details) for word in words))


def _word(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9_.-]){re.escape(value)}(?![a-z0-9_-])", re.IGNORECASE)
