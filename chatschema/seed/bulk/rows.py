"""The rows of a slice as the bytes that COPY reads: messages and statuses in binary, files and entries of the trail as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from chatschema.seed.bulk import pool
from chatschema.seed.bulk.numbers import Flags, Ints, Numbers, server_times, texts
from chatschema.seed.bulk.numbers import iso as written
from chatschema.seed.bulk.packing import HEADER, TRAILER, Field, Objects, field, join, jsonb, pack, text_array
from chatschema.seed.bulk.people import People
from chatschema.seed.bulk.plan import Part, Size
from chatschema.seed.bulk.talk import KINDS, REACTIONS, Receipts, Talk

MESSAGES = (
    "id", "conversation_id", "sender_id", "sender_key_id", "key_version", "reply_to_id", "edited_at", "edit_count", "is_deleted",
    "deleted_at", "deleted_by", "created_at", "updated_at", "message_type", "edit_history", "content_algorithm",
    "content_encrypted", "content_nonce",
)  # fmt: skip
STATUSES = (
    "message_id", "user_id", "conversation_id", "status", "delivered_at", "read_at", "created_at", "updated_at", "reacted_at",
    "reactions",
)  # fmt: skip
ATTACHMENTS = (
    "id", "message_id", "conversation_id", "uploader_id", "storage_key", "file_name_encrypted", "mime_type", "size_bytes", "sha256",
    "encryption_algorithm", "key_version", "state", "created_at", "updated_at",
)  # fmt: skip
AUDIT_LOGS = ("user_id", "action", "resource_type", "resource_id", "severity", "details", "created_at", "pii_digest")
# The stored files of a bulk seed would be in a folder of their own.
STORAGE = "seed/"
# Rows that are bytes at once, so that these are a small part of the memory.
_PIECE = 10_000
_MIME_TYPES = {"image": "image/webp", "file": "application/pdf", "audio": "audio/ogg"}


def _pieces(count: int, packed: Callable[[Ints], bytes]) -> Iterator[bytes]:
    yield HEADER
    for first in range(0, count, _PIECE):
        yield packed(np.arange(first, min(first + _PIECE, count)))
    yield TRAILER


def messages(size: Size, everybody: People, said: Talk) -> Iterator[bytes]:
    """Yield a slice's messages as pieces of one binary COPY."""
    return _pieces(len(said), lambda these: _messages(size, everybody, said, these))


def _messages(size: Size, everybody: People, said: Talk, these: Ints) -> bytes:
    beginnings: Objects = np.empty(len(these), object)
    replies = said.reply[these] >= 0
    for is_reply in (False, True):
        for change in ("", "edited", "deleted"):
            chosen = replies == is_reply
            for name, flags in (("edited", said.is_edited), ("deleted", said.is_deleted), ("system", said.is_system)):
                chosen = chosen & (flags[these] if name == change else ~flags[these])
            beginnings[chosen] = pack(len(MESSAGES), _message(everybody, said, these[chosen], is_reply, change))
    system = said.is_system[these]
    beginnings[system] = pack(len(MESSAGES), _message(everybody, said, these[system], False, "system"))
    return join(beginnings, _ends(size, said, these))


def _message(everybody: People, said: Talk, places: Ints, is_reply: bool, change: str) -> list[Field]:
    """Return the fields of messages that have the same nulls, as far as they have the same size."""
    sender = None if change == "system" else everybody.users[said.sender[places]]
    created = server_times(said.said[places])
    changed = server_times(said.changed[places])
    return [
        ("uuid", said.ids[places]),
        ("uuid", everybody.conversations[said.conversation[places]]),
        ("uuid", sender),
        ("uuid", sender),  # the id of a user's key is the id of the user
        ("int", None if change == "system" else 1),
        ("uuid", said.ids[said.reply[places]] if is_reply else None),
        ("time", changed if change == "edited" else None),
        ("int", 1 if change == "edited" else 0),
        ("bool", change == "deleted"),
        ("time", changed if change == "deleted" else None),
        ("uuid", sender if change == "deleted" else None),
        ("time", created),
        ("time", changed if change in ("edited", "deleted") else created),
    ]


def _ends(size: Size, said: Talk, these: Ints) -> Objects:
    """Return the rest of each of these messages: its type, history and ciphertext, ready in the pool."""
    plain, edited, removed, system = _pool(size.rng, size.shape.lengths)
    secret, text, is_edited = said.conversation[these] % pool.SECRETS, said.text[these], said.is_edited[these]
    ends = plain[said.kind[these], secret, text]
    ends[is_edited] = edited[secret[is_edited], text[is_edited]]
    ends[said.is_deleted[these]] = removed
    ends[said.is_system[these]] = system
    return ends


@cache
def _pool(rng: int, lengths: tuple[int, ...]) -> tuple[Objects, Objects, bytes, bytes]:
    plain: Objects = np.empty((len(KINDS), pool.SECRETS, pool.TEXTS), object)
    edited: Objects = np.empty((pool.SECRETS, pool.TEXTS), object)
    algorithm, never, text = field(pool.ALGORITHM.encode()), field(jsonb("[]")), field(b"text")
    for secret, sealed in enumerate(pool.texts(rng, lengths)):
        for number, one in enumerate(sealed):
            content = field(one.content) + field(one.nonce)
            for kind, name in enumerate(KINDS):
                plain[kind, secret, number] = field(name.encode()) + never + algorithm + content
            content = field(one.edited_content) + field(one.edited_nonce)
            edited[secret, number] = text + field(jsonb(one.history)) + algorithm + content
    null = field(None)
    return plain, edited, text + never + algorithm + null + null, field(b"system") + never + null + null + null


def statuses(everybody: People, said: Talk, received: Receipts) -> Iterator[bytes]:
    """Yield a slice's statuses as pieces of one binary COPY, in the order of their key."""
    return _pieces(len(received), lambda these: _statuses(everybody, said, received, these))


def _statuses(everybody: People, said: Talk, received: Receipts, these: Ints) -> bytes:
    beginnings: Objects = np.empty(len(these), object)
    ends: Objects = np.empty(len(these), object)
    reaction = received.reaction[these]
    for is_read, is_reacted in ((False, False), (True, False), (True, True)):
        chosen = (received.is_read[these] == is_read) & ((reaction >= 0) == is_reacted)
        beginnings[chosen] = pack(len(STATUSES), _status(everybody, said, received, these[chosen], is_read, is_reacted))
    ends[:] = field(text_array([]))
    for number, one in enumerate(REACTIONS):
        ends[reaction == number] = field(text_array([one]))
    return join(beginnings, ends)


def _status(everybody: People, said: Talk, received: Receipts, places: Ints, is_read: bool, is_reacted: bool) -> list[Field]:
    """Return the fields of statuses that have the same nulls, as far as they have the same size."""
    message = received.message[places]
    delivered, read = server_times(received.delivered[places]), server_times(received.read[places])
    return [
        ("uuid", said.ids[message]),
        ("uuid", everybody.users[received.user[places]]),
        ("uuid", everybody.conversations[said.conversation[message]]),
        ("text", b"read" if is_read else b"delivered"),
        ("time", delivered),
        ("time", read if is_read else None),
        ("time", delivered),
        ("time", read if is_read else delivered),
        ("time", read if is_reacted else None),
    ]


def attachments(size: Size, everybody: People, part: Part, slice: int, said: Talk) -> str:
    """Return the files of a slice's messages as lines of a COPY in text format. The stored files do not exist."""
    places = np.flatnonzero(said.kind > 0)
    numbers = Numbers(size, "attachments", part.name, slice)
    sizes = 10_000 + numbers.below(4_000_000, len(places))
    hashes = numbers.raw(4 * len(places)).astype(">u8").tobytes().hex()
    ids, moments = texts(said.ids[places]), written(said.said[places])
    conversations = texts(everybody.conversations[said.conversation[places]])
    senders = texts(everybody.users[said.sender[places]])
    kinds, secrets = said.kind[places].tolist(), (said.conversation[places] % pool.SECRETS).tolist()
    columns = zip(
        ids, conversations, senders, moments, kinds, secrets, said.text[places].tolist(), sizes.tolist(), strict=True
    )  # fmt: skip
    names = _names(size.rng)
    # A file has the id of its message.
    return "".join(
        f"{id}\t{id}\t{conversation}\t{sender}\t{STORAGE}{conversation}/{id}\t\\\\x{names[secret][text]}\t{_MIME_TYPES[KINDS[kind]]}\t"
        f"{length}\t\\\\x{hashes[64 * i : 64 * i + 64]}\t{pool.ALGORITHM}\t1\tready\t{moment}\t{moment}\n"
        for i, (id, conversation, sender, moment, kind, secret, text, length) in enumerate(columns)
    )


@cache
def _names(rng: int) -> list[list[str]]:
    """Return for each key of conversations the encrypted names of files in hex: nonce and ciphertext in one, as PyNaCl has it."""
    return [[(one.nonce + one.content).hex() for one in sealed] for sealed in pool.texts(rng)]


def audit_logs(everybody: People, said: Talk) -> str:
    """Return the entries of the trail about a slice's messages, edits and deletions, as lines of a COPY in text format."""
    changes: list[tuple[Flags, str, str]] = [
        (said.is_edited, "message.edit", "info"),
        (said.is_deleted, "message.delete", "warning"),
    ]
    lines = []
    for flags, action, severity in changes:
        places = np.flatnonzero(flags)
        columns = zip(
            texts(everybody.users[said.sender[places]]), texts(said.ids[places]), written(said.changed[places]), strict=True
        )
        lines += [(moment, entry(user, action, "message", id, severity, moment)) for user, id, moment in columns]
    return "".join(line for _, line in sorted(lines))


def entry(user: str, action: str, kind: str, id: str, severity: str, moment: str) -> str:
    """Return an entry of the trail as a line of a COPY in text format."""
    details = '{"content": "[redacted]"}' if kind == "message" else "{}"
    # A trigger computes the digest; COPY needs a value for a column that is not null and has no default.
    return f"{user}\t{action}\t{kind}\t{id}\t{severity}\t{details}\t{moment}\t\\\\x{'00' * 32}\n"
