"""Proofs: that one entry is in the trail, for somebody who has neither the database nor the other entries."""

import base64
import json
import struct
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from chatschema import postgres
from chatschema.audit import canonical, fields, ledger, records, rules, tree
from chatschema.audit.anchor import note, opened
from chatschema.audit.keys import NotGenuine, PublicKey
from chatschema.audit.seal import log_id
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

FORMAT = "chatschema-audit-proof-1"


@dataclass(frozen=True, slots=True)
class Proved:
    """A proof that is valid: the entry, its seal and the root it leads to; `signed_by` is None if no signature was checked."""

    entry: dict[str, fields.Value]
    seal: dict[str, str]
    origin: str
    seals: int
    root: str
    signed_by: str | None


def prove(connection: Connection, id: int, anchor: tuple[str, tuple[bytes, ...]] | None = None) -> str:
    """Return the proof for an entry as one line of JSON; up to the signed note of an anchor, if its text and hashes are given.

    Raises ChatschemaError for an entry that does not exist, or is in no seal or in none of the anchor, and NotGenuine for one
    that is not as it was sealed.
    """
    ledger.require(connection)
    with ledger.snapshot(connection):
        epochs, seals = ledger.epochs(connection), list(ledger.seals(connection))
        log = log_id(epochs)
        row = postgres.execute(connection, "select txid::text from public.audit_logs where id = %s", (id,)).fetchone()
        if row is None:
            raise ChatschemaError(f"the trail has no entry {id}", "look for the id in public.audit_logs", code="audit.no-entry")
        seal = rules.seal_of(epochs, seals, id, int(row[0]))
        leaves = anchor[1] if anchor else tuple(one.record_hash for one in seals)
        if seal is None or seal.number > len(leaves):
            hint = "then make an anchor: chatschema audit anchor" if seal else "seal it: chatschema audit seal"
            which = f"seal {seal.number} of entry {id} is newer than the anchor" if seal else f"entry {id} is not sealed yet"
            raise ChatschemaError(which, hint, code="audit.not-sealed")
        record, inner, index = _inside(connection, epochs, seal, id)
    text = seal.record(epochs[seal.epoch - 1].digest())
    if tree.leaf_hash(text) != leaves[seal.number - 1]:
        raise NotGenuine(f"seal {seal.number} was changed", "see: chatschema audit verify", code="audit.proof-refused")
    signed = anchor[0].partition("\n\n\N{EM DASH} ") if anchor else (note(log, leaves), "", "")
    document = {
        "format": FORMAT, "row": _base64(record), "index": index, "path": _base64(b"".join(inner)), "seal": text.decode(),
        "seals_path": _base64(b"".join(tree.path(leaves, seal.number - 1))),
        "note": signed[0] + signed[1] + signed[2].split("\n", 1)[0] + ("\n" if anchor else ""),
    }  # fmt: skip
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _inside(connection: Connection, epochs: list[records.Epoch], seal: records.Seal, id: int) -> tuple[bytes, list[bytes], int]:
    """Return the bytes of an entry, its path in the tree of its seal, and its place there."""
    where = rules.of_seal(epochs, seal)
    leaves, index, eight = list[bytes](), -1, id.to_bytes(8, "big", signed=True)
    for block in canonical.blocks(connection, where):
        if eight in block.ids:
            index = len(leaves) + block.ids.index(eight)
        leaves += block.leaves
    if index < 0 or tree.root_of(leaves) != seal.root:
        text = f"the entries of seal {seal.number} are not as they were sealed"
        raise NotGenuine(text, "see: chatschema audit verify", code="audit.proof-refused")
    one = sql.SQL("a.id = {}").format(sql.Literal(id))
    ((record, _),) = [pair for pairs in canonical.entries(connection, one, sql.SQL("null::bytea")) for pair in pairs]
    return record, tree.path(leaves, index), index


def check(text: str, key: PublicKey | None) -> Proved:
    """Return what a proof proves; its signature is checked with `key`, where it is given. Raises NotGenuine."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(document["format"])
        row, seal = base64.b64decode(document["row"]), document["seal"].encode()
        values, record = fields.decode(row), records.parse(seal)
        number, rows = int(record["number"]), int(record["rows"])
        inner, outer = (_split(document[name]) for name in ("path", "seals_path"))
        index, signed = int(document["index"]), str(document["note"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise NotGenuine(
            f"this is no proof: {error}", "a proof is made by: chatschema audit prove ID", code="audit.proof-syntax"
        ) from None
    origin, size, root = opened(signed, key) if key else _unsigned(signed)
    if tree.root_by(tree.leaf_hash(row), index, rows, inner) != bytes.fromhex(record["root"]):
        raise NotGenuine("the entry does not lead to the root of its seal", code="audit.proof-wrong")
    if tree.root_by(tree.leaf_hash(seal), number - 1, size, outer) != root:
        raise NotGenuine("the seal does not lead to the root of the note", code="audit.proof-wrong")
    return Proved(values, record, origin, size, base64.b64encode(root).decode(), key.name if key else None)


def _unsigned(note: str) -> tuple[str, int, bytes]:
    lines = note.split("\n")
    try:
        return lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    except (ValueError, IndexError):
        raise NotGenuine("the proof has no note about the seals", code="audit.proof-syntax") from None


def _split(encoded: str) -> list[bytes]:
    data = base64.b64decode(encoded)
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
