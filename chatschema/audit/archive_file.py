"""The file of a seal: JSON Lines under gzip, one entry a line after one about the seal; written, read back, compared."""

import gzip
import json
import os
from collections.abc import Generator, Iterable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from chatschema.audit import fields, tree
from chatschema.audit.findings import Found
from chatschema.audit.records import FORMAT, Epoch, Seal

_PIECE = 1 << 20


def name_of(seal: Seal) -> str:
    """Return the name of a seal's file."""
    return f"seal-{seal.number:010}.jsonl.gz"


def write(path: Path, seal: Seal, epoch: Epoch, entries: Iterable[list[tuple[bytes, bytes | None]]]) -> None:
    """Write the file, readable by nobody else, and flush it to disk. Raises OSError."""
    head = {"format": FORMAT, "seal": seal.record(epoch.digest()).decode(), "epoch": epoch.text().decode()}
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            packed.write(line(head))
            for block in entries:
                packed.write(b"".join(line({**fields.decode(record), "personal": _personal(parts)}) for record, parts in block))
        file.flush()
        os.fsync(file.fileno())


def line(value: dict[str, Any]) -> bytes:
    """Return a line of a file."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _personal(parts: bytes | None) -> dict[str, str | None] | None:
    """Return the personal data of an entry: the salt, and the text that its digest is about."""
    if parts is None:
        return None
    salt, *texts = fields.split(parts)
    address, user_agent, details = (None if text is None else text.decode() for text in texts)
    return {"salt": (salt or b"").hex(), "ip_address": address, "user_agent": user_agent, "details": details}


def digest_of(personal: dict[str, str | None]) -> bytes:
    """Return the digest of the personal data of an entry."""
    texts = [personal[key] for key in ("ip_address", "user_agent", "details")]
    parts = ["-" if text is None else f"{len(text.encode())}:{text}" for text in texts]
    return sha256(bytes.fromhex(personal["salt"] or "") + ";".join(parts).encode()).digest()


def lines(path: Path) -> Generator[dict[str, Any]]:
    """Yield the lines of a file. Raises OSError, EOFError and ValueError for a file that is not whole."""
    with gzip.open(path, "rb") as file:
        for one in file:
            yield json.loads(one)


def record_of(path: Path) -> str | None:
    """Return the record of the seal whose file this is; None for any other file."""
    try:
        with closing(lines(path)) as rest:
            return str(next(rest)["seal"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, StopIteration):
        return None


def check(path: Path, seal: Seal) -> str | None:
    """Return what is wrong with a file of a seal; None if it has each entry as it was sealed, with its personal data or without."""
    try:
        with closing(lines(path)) as rest:
            if "seal" not in next(rest, {}):
                return "it has no first line about its seal"
            made, block = tree.Tree(), list[bytes]()
            for values in rest:
                if values["personal"] is not None and digest_of(values["personal"]).hex() != values["pii_digest"]:
                    return f"the personal data of entry {values['id']} was changed"
                block.append(tree.leaf_hash(fields.encode(values)))
                if len(block) == tree.BLOCK:
                    made.add(block)
                    block = []
            made.add(block)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        return f"it cannot be read: {error}"
    if (made.size, made.root()) != (seal.row_count, seal.root):
        return "its entries are not those that were sealed"
    return None


def sha256_of(path: Path) -> bytes:
    """Return the SHA-256 of a file. Raises OSError."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def compare(seal: Seal, found: Found) -> None:
    """Add to `found` what is wrong with the file of a seal whose entries were removed."""
    path = Path(seal.archive or "")
    if not path.is_file():
        found.away.append(str(path))
        return
    wrong = check(path, seal)
    if wrong is None and sha256_of(path) != seal.archive_sha256:
        wrong = "it is not the file that was recorded"
    if wrong:
        found.add("archive", f"{path}, the file of seal {seal.number}: {wrong}", seal.number)
