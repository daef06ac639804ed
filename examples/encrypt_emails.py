"""Encrypts the addresses of all users that are still in plain text: python encrypt_emails.py URL, as the owner of the tables.

Two keys of 32 bytes, as 64 hexadecimal digits, are in EMAIL_KEY and EMAIL_INDEX_KEY. The functions are those that the application
uses for a new address, and to sign in. See docs/how-to/encrypt-emails.md.
"""

import hmac
import os
import sys
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as opened
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as sealed

BATCH = 500
# The first byte tells with which key, so that keys can be replaced one row after the other.
_VERSION = b"\x01"
_NONCE = 24


@dataclass(frozen=True)
class Keys:
    """The key that encrypts, and the one of the blind index: who has one of them does not have the other."""

    content: bytes = field(repr=False)
    index: bytes = field(repr=False)


def encrypt(keys: Keys, user: UUID, email: str) -> bytes:
    """Return the address encrypted for this user: in the row of another user it cannot be decrypted."""
    nonce = os.urandom(_NONCE)
    return _VERSION + nonce + sealed(email.encode(), user.bytes, nonce, keys.content)


def decrypt(keys: Keys, user: UUID, stored: bytes) -> str:
    """Return the address. Raises an error for bytes that were changed, or are of another user or key."""
    if stored[:1] != _VERSION:
        raise ValueError(f"unknown version {stored[0]}")
    nonce = stored[1 : 1 + _NONCE]
    return opened(stored[1 + _NONCE :], user.bytes, nonce, keys.content).decode()


def blind_index(keys: Keys, email: str) -> bytes:
    """Return what stands for an address in the look-up: the same for the same address, and of no use without the key."""
    return hmac.digest(keys.index, email.strip().lower().encode(), "sha256")


def encrypt_all(connection: "psycopg.Connection[Any]", keys: Keys) -> int:
    """Encrypt all addresses that are left, in batches; return how many. A run that was killed is finished by the next one."""
    total = 0
    while done := _batch(connection, keys):
        total += done
    return total


def _batch(connection: "psycopg.Connection[Any]", keys: Keys) -> int:
    with connection.transaction(), connection.cursor() as cursor:
        # One row of the trail for the batch. One for each user would have the address that is to go.
        cursor.execute("select set_config('chatschema.audit_batch', 'on', true)")
        cursor.execute(f"select id, email from public.users where email is not null order by id limit {BATCH} for no key update")
        found = cursor.fetchall()
        cursor.executemany(
            "update public.users set email_encrypted = %s, email_index = %s, email = null where id = %s",
            [(encrypt(keys, user, email), blind_index(keys, email), user) for user, email in found],
        )
        if found:
            cursor.execute(
                "insert into public.audit_logs (action, resource_type, resource_id, details)"
                " values ('user.encrypt_emails', 'user', %s, jsonb_build_object('users', %s::integer))",
                (str(found[0][0]), len(found)),
            )
    return len(found)


if __name__ == "__main__":
    given = Keys(bytes.fromhex(os.environ["EMAIL_KEY"]), bytes.fromhex(os.environ["EMAIL_INDEX_KEY"]))
    with psycopg.connect(sys.argv[1], autocommit=True) as server:
        print(f"encrypted {encrypt_all(server, given)} addresses")
