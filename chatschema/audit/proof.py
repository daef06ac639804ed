"""Proofs: that one entry is in the trail, for somebody who has neither the database nor the other entries."""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.audit import canonical, fields, ledger, locate, records, rules, tree
from chatschema.audit.anchor import note, opened
from chatschema.audit.keys import NotGenuine, PublicKey
from chatschema.audit.seal import log_id
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

FORMAT = "chatschema-audit-proof-1"
# An anchor: its text, and the hashes of the seals in it.
Anchored = tuple[str, tuple[bytes, ...]]
# Of entries about public keys, resource_id is user, key and fingerprint, with a slash between them; it outlives an erasure.
_OF_KEYS = """
    select a.id, a.txid::text from public.audit_logs as a
    where a.resource_type = 'user_public_key' and %(id)s in (split_part(a.resource_id, '/', 1), split_part(a.resource_id, '/', 2))
    order by a.id
"""


@dataclass(frozen=True, slots=True)
class Proved:
    """A proof that is valid: the entry, its seal and the root it leads to; `signed_by` is None if no signature was checked."""

    entry: dict[str, fields.Value]
    seal: dict[str, str]
    origin: str
    seals: int
    root: str
    signed_by: str | None


def prove(connection: Connection, id: int, anchor: Anchored | None = None) -> str:
    """Return the proof for an entry as one line of JSON; up to the signed note of an anchor, if its text and hashes are given.

    Raises ChatschemaError for an entry that does not exist, or is in no seal or in none of the anchor, and NotGenuine for one
    that is not as it was sealed.
    """
    ledger.require(connection)
    with ledger.snapshot(connection):
        row = postgres.execute(connection, "select txid::text from public.audit_logs where id = %s", (id,)).fetchone()
        if row is None:
            raise _missing(connection, id)
        return _Prover(connection, anchor).prove(id, int(row[0]))


def only_archived(connection: Connection) -> int:
    """Return how many entries belong to seals whose entries were removed: there is no proof of them here."""
    query = "select coalesce(sum(row_count), 0)::bigint from chatschema.audit_seals where removed_at is not null"
    return int(postgres.fetch_one(connection, query)[0])


def _missing(connection: Connection, id: int) -> ChatschemaError:
    """Return the error for an entry that is not in the table: retention may have removed it, or somebody else."""
    number = locate.sealed_in(connection, id.to_bytes(8, "big", signed=True)) if -(2**63) <= id < 2**63 else None
    seal = next(ledger.seals(connection, number - 1)) if number else None
    if seal is None or not seal.removed_at:
        return ChatschemaError(f"the trail has no entry {id}", "look for the id in public.audit_logs", code="audit.no-entry")
    return _in_archive(f"entry {id}", seal)


def _in_archive(what: str, seal: records.Seal) -> ChatschemaError:
    text = f"{what} was removed from the database, as its time was over; it is in the archive of seal {seal.number}: {seal.archive}"
    return ChatschemaError(text, "verify the archive: python verify_audit.py --archive DIR", code="audit.in-archive")


def prove_keys(connection: Connection, id: UUID, anchor: Anchored | None = None) -> Iterator[str]:
    """Yield the proof for each entry about the public keys of a user, or about one key, by their id; oldest first.

    Raises as prove() does, also if one of the entries is not sealed: nobody could tell that it is missing.
    """
    ledger.require(connection)
    with ledger.snapshot(connection):
        rows = postgres.fetch_all(connection, _OF_KEYS, {"id": str(id)})
        if not rows:
            raise ChatschemaError(
                f"the trail has no entry about keys of {id}", "give the id of a user or of a key", code="audit.no-entry"
            )
        prover = _Prover(connection, anchor)
        for entry, txid in rows:
            yield prover.prove(entry, int(txid))


class _Prover:
    """Proofs in one snapshot; the hashes of the seal that was asked for last are kept."""

    def __init__(self, connection: Connection, anchor: Anchored | None) -> None:
        self._connection, self._seal = connection, 0
        self._epochs, self._seals = ledger.epochs(connection), list(ledger.seals(connection))
        unsigned = note(log_id(self._epochs), [one.record_hash for one in self._seals])
        self._all = anchor[1] if anchor else tuple(one.record_hash for one in self._seals)
        head, dash, rest = anchor[0].partition("\n\n\N{EM DASH} ") if anchor else (unsigned, "", "")
        self._note = head + dash + rest.split("\n", 1)[0] + ("\n" if anchor else "")

    def prove(self, id: int, txid: int) -> str:
        seal = rules.seal_of(self._epochs, self._seals, id, txid)
        if seal is None or seal.number > len(self._all):
            hint = "then make an anchor: chatschema audit anchor" if seal else "seal it: chatschema audit seal"
            which = f"seal {seal.number} of entry {id} is newer than the anchor" if seal else f"entry {id} is not sealed yet"
            raise ChatschemaError(which, hint, code="audit.not-sealed")
        text = seal.record(self._epochs[seal.epoch - 1].digest())
        if tree.leaf_hash(text) != self._all[seal.number - 1]:
            raise NotGenuine(f"seal {seal.number} was changed", "see: chatschema audit verify", code="audit.proof-refused")
        self._read(seal)
        one = sql.SQL("a.id = {}").format(sql.Literal(id))
        pairs = [pair for some in canonical.entries(self._connection, one, sql.SQL("null::bytea")) for pair in some]
        index = self._places.get(id.to_bytes(8, "big", signed=True), -1)
        if index < 0 or tree.leaf_hash(pairs[0][0]) != self._leaves[index]:
            raise self._changed(seal)
        inner, outer = tree.path(self._leaves, index), tree.path(self._all, seal.number - 1)
        document = {
            "format": FORMAT, "row": _base64(pairs[0][0]), "index": index, "path": _base64(b"".join(inner)), "seal": text.decode(),
            "seals_path": _base64(b"".join(outer)), "note": self._note,
        }  # fmt: skip
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)

    def _read(self, seal: records.Seal) -> None:
        if self._seal == seal.number:
            return
        if seal.removed_at:
            raise _in_archive(f"a part of the entries of seal {seal.number}", seal)
        self._leaves, self._places = list[bytes](), dict[bytes, int]()
        for block in canonical.blocks(self._connection, rules.of_seal(self._epochs, seal)):
            self._places.update(zip(block.ids, range(len(self._leaves), len(self._leaves) + len(block)), strict=True))
            self._leaves += block.leaves
        if tree.root_of(self._leaves) != seal.root:
            raise self._changed(seal)
        self._seal = seal.number

    def _changed(self, seal: records.Seal) -> NotGenuine:
        text = f"the entries of seal {seal.number} are not as they were sealed"
        return NotGenuine(text, "see: chatschema audit verify", code="audit.proof-refused")


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
