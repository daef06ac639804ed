"""Anchors: a signed note (C2SP) about all seals so far, to be kept where the owner of the database cannot change it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chatschema.audit import chain, ledger, tree
from chatschema.audit.findings import Found
from chatschema.audit.keys import NotGenuine, PrivateKey, PublicKey
from chatschema.audit.seal import log_id
from chatschema.postgres import Connection

_ORIGIN = "chatschema/audit/"
_DASH = "\N{EM DASH}"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A signed note: which trail, the hash of each seal, and the name of the key that signed it."""

    origin: str
    leaves: tuple[bytes, ...]
    signed_by: str

    def refuse_other(self, log: UUID) -> None:
        """Raise NotGenuine if the note is about another trail."""
        if self.origin != origin_of(log):
            text = f"the anchor is about another trail: {self.origin}, and this is {origin_of(log)}"
            raise NotGenuine(text, "use the anchor of this database", code="audit.anchor-other")


def origin_of(log: UUID) -> str:
    """Return the first line of the notes about a trail."""
    return f"{_ORIGIN}{log}"


def note(log: UUID, leaves: Sequence[bytes]) -> str:
    """Return the text that is signed: origin, size, root."""
    return f"{origin_of(log)}\n{len(leaves)}\n{base64.b64encode(tree.root_of(leaves)).decode()}\n"


def signed(text: str, key: PrivateKey) -> str:
    """Return the note with its signature."""
    encoded = base64.b64encode(key.public().id + key.sign(text.encode())).decode()
    return f"{text}\n{_DASH} {key.name} {encoded}\n"


def make(connection: Connection, key: PrivateKey) -> tuple[str, Anchor]:
    """Return the anchor for all seals, as text and as a value. Raises ChatschemaError without a seal, or where one was changed."""
    ledger.require(connection)
    with ledger.snapshot(connection):
        epochs = ledger.epochs(connection)
        log = log_id(epochs)
        found = Found()
        seals = chain.check(ledger.seals(connection), epochs, (), found)
    if found.findings:
        text = f"{found.findings[0].text}; no anchor was made"
        raise NotGenuine(text, "see: chatschema audit verify", code="audit.anchor-refused")
    leaves = tuple(seal.record_hash for seal in seals)
    text = signed(note(log, leaves), key) + "\n" + "".join(base64.b64encode(leaf).decode() + "\n" for leaf in leaves)
    return text, Anchor(origin_of(log), leaves, key.name)


def continues(connection: Connection, earlier: Anchor) -> list[str]:
    """Return what keeps the seals from being those of an earlier anchor, and more; nothing if they are."""
    with ledger.snapshot(connection):
        epochs = ledger.epochs(connection)
        earlier.refuse_other(log_id(epochs))
        found = Found()
        chain.check(ledger.seals(connection), epochs, earlier.leaves, found)
    return [finding.text for finding in found.all()]


def opened(text: str, key: PublicKey) -> tuple[str, int, bytes]:
    """Return origin, size and root of a note that `key` has signed. Raises NotGenuine for any other text."""
    wrong = NotGenuine("this is no note about a trail", "an anchor is made by: chatschema audit anchor", code="audit.anchor-syntax")
    lines = (text.partition(f"\n\n{_DASH} ")[0] + "\n").split("\n")
    if len(lines) != 4 or not lines[1].isdecimal():
        raise wrong
    try:
        root = base64.b64decode(lines[2], validate=True)
    except ValueError:
        raise wrong from None
    checked(text, key)
    return lines[0], int(lines[1]), root


def checked(text: str, key: PublicKey) -> str:
    """Return the text of a note that `key` has signed, without the signature. Raises NotGenuine for any other."""
    head, separator, rest = text.partition(f"\n\n{_DASH} ")
    body = head + "\n"
    name, _, encoded = rest.split("\n", 1)[0].partition(" ")
    try:
        signature = base64.b64decode(encoded, validate=True)
    except ValueError:
        separator = ""
    if not separator:
        raise NotGenuine("this is no signed note", "an anchor is made by: chatschema audit anchor", code="audit.anchor-syntax")
    if name != key.name or signature[:4] != key.id:
        raise NotGenuine(
            f"the note is signed by {name}, and the key is {key.name}", "name its key: --key FILE", code="audit.signature"
        )
    key.check(signature[4:], body.encode())
    return body


def parse(text: str, key: PublicKey) -> Anchor:
    """Return the anchor in a text, once its signature and its hashes fit. Raises NotGenuine."""
    origin, size, root = opened(text, key)
    listed = text.partition(f"\n\n{_DASH} ")[2].partition("\n\n")[2].split()
    try:
        leaves = tuple(base64.b64decode(line, validate=True) for line in listed)
    except ValueError:
        leaves = ()
    if len(leaves) != size or tree.root_of(leaves) != root:
        text = "the hashes of the seals below the note do not lead to its root"
        raise NotGenuine(text, "take the file as chatschema audit anchor wrote it", code="audit.anchor-syntax")
    return Anchor(origin, leaves, key.name)
