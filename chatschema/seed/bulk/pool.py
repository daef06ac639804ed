"""Keys and really encrypted texts, computed once: a message of a bulk seed has one of these ciphertexts.

All users share KEY_PAIRS pairs of keys, and all conversations share SECRETS keys, so that the time does not grow with the
seed, and every message is decrypted with the key that its conversation's participants have.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from chatschema.seed.bulk import bins, words

if TYPE_CHECKING:
    from nacl.secret import SecretBox

KEY_PAIRS = 32
SECRETS = 16
TEXTS = 128
ALGORITHM = "xsalsa20-poly1305"
_TAG, _LONGEST = 16, 65_000


@dataclass(frozen=True, slots=True)
class Sealed:
    """A text, encrypted with the key of a conversation, and the same text as it was edited."""

    text: str
    content: bytes
    nonce: bytes
    edited_text: str
    edited_content: bytes
    edited_nonce: bytes

    @property
    def history(self) -> str:
        """The edit_history of the edited text."""
        return json.dumps([{"content": b64encode(self.content).decode(), "nonce": b64encode(self.nonce).decode()}])


def secret(rng: int, purpose: str, of: object, size: int = 32) -> bytes:
    """Return bytes that depend only on the arguments. Anyone can compute them: for demo data only."""
    return hashlib.blake2b(f"{purpose}:{of}".encode(), key=f"chatschema bulk {rng}".encode(), digest_size=size).digest()


def private_key(rng: int, user: int) -> bytes:
    """Return the private key of the user of this number, X25519."""
    return secret(rng, "private key", user % KEY_PAIRS)


def conversation_key(rng: int, number: int) -> bytes:
    """Return the symmetric key of the conversation of this number."""
    return secret(rng, "conversation key", number % SECRETS)


@cache
def public_key(rng: int, user: int) -> bytes:
    """Return the public key of the user of this number."""
    from nacl.public import PrivateKey

    return bytes(PrivateKey(private_key(rng, user)).public_key)


@cache
def wrapped(rng: int, conversation: int, user: int) -> bytes:
    """Return the key of a conversation in a sealed box for a user. A real one has a random key of its own; this is repeatable.

    Call it with numbers below SECRETS and KEY_PAIRS, for which the result is kept.
    """
    from nacl.bindings import crypto_box
    from nacl.public import PrivateKey

    once = secret(rng, "ephemeral key", (conversation, user))
    sender, receiver = bytes(PrivateKey(once).public_key), public_key(rng, user)
    nonce = hashlib.blake2b(sender + receiver, digest_size=24).digest()
    return sender + crypto_box(conversation_key(rng, conversation), nonce, receiver, once)


def texts(rng: int, lengths: tuple[int, ...] = ()) -> list[list[Sealed]]:
    """Return for each key of conversations its ciphertexts, with the lengths of a profile, or of a chat: most are short."""
    from nacl.secret import SecretBox

    wanted = bins.quantiles(lengths, TEXTS) if lengths else [None] * TEXTS

    boxes = [SecretBox(conversation_key(rng, number)) for number in range(SECRETS)]
    return [[_sealed(rng, box, number, text, wanted[text]) for text in range(TEXTS)] for number, box in enumerate(boxes)]


def _sealed(rng: int, box: SecretBox, number: int, text: int, size: int | None) -> Sealed:
    chance = secret(rng, "text", (number, text), 64)
    length = min(1 + chance[0] % 12 * (chance[1] % 12) // 3, 60)
    if size is not None:
        # A ciphertext is longer than its text, and the one of the edited text must fit as well.
        size = min(max(size - _TAG, 1), _LONGEST)
        length = size
    spoken = [words.SPOKEN[chance[(i * 7 + i // 9) % 62 + 2] % len(words.SPOKEN)] for i in range(length)]
    said = " ".join(spoken).capitalize()[: None if size is None else size - 1] + ".?!"[chance[2] % 9 // 4]
    edited = f"{said} (sorry, typo)"
    nonces = (secret(rng, "nonce", (number, text), 24), secret(rng, "edited nonce", (number, text), 24))
    before, after = (box.encrypt(one.encode(), nonce) for one, nonce in zip((said, edited), nonces, strict=True))
    return Sealed(said, before.ciphertext, before.nonce, edited, after.ciphertext, after.nonce)
