"""The rows of a bulk seed's users, their keys and logins, conversations and participants, as lines of COPY in text format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from chatschema.seed.bulk import pool, words
from chatschema.seed.bulk.numbers import Ints, Numbers, iso, millis, texts
from chatschema.seed.bulk.people import People
from chatschema.seed.bulk.plan import Size
from chatschema.seed.bulk.rows import AUDIT_LOGS, entry
from chatschema.seed.hashes import PASSWORD_HASH, REFRESH_TOKEN_HASHES

_DAY = 86_400_000
# Lines that are made at once.
_CHUNK = 10_000
_DEVICES = (("web", "Firefox on Linux"), ("ios", "iPhone"), ("android", "Pixel"), ("desktop", "MacBook"))


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows of a table: its columns, and pieces of lines."""

    table: str
    columns: tuple[str, ...]
    pieces: Iterator[str]


def tables(size: Size, everybody: People) -> list[Lines]:
    """Return the rows in the order in which they are stored."""
    return [
        Lines("public.users", _USERS, _pieces(size.users, lambda low, high: _users(size, everybody, low, high))),
        Lines("public.auth_sessions", _SESSIONS, _pieces(size.users, lambda low, high: _sessions(size, everybody, low, high))),
        Lines("public.user_public_keys", _KEYS, _pieces(size.users, lambda low, high: _keys(size, everybody, low, high))),
        Lines("public.conversations", _CONVERSATIONS, _pieces(size.conversations, lambda low, high: _talks(everybody, low, high))),
        Lines(
            "public.conversation_participants", _PARTICIPANTS,
            _pieces(size.conversations, lambda low, high: _members(size, everybody, low, high)),
        ),
        Lines("public.audit_logs", AUDIT_LOGS, _pieces(size.conversations, lambda low, high: _events(everybody, low, high))),
        Lines("chatschema.bulk_owners", ("kind", "id"), _owners(everybody)),
    ]  # fmt: skip


def username(number: int) -> str:
    """Return the name of the user of this number."""
    turn, place = divmod(number, len(words.FIRST_NAMES))
    return f"{words.FIRST_NAMES[place]}.{words.LAST_NAMES[turn % len(words.LAST_NAMES)]}_{number}"


def _pieces(count: int, lines: Callable[[int, int], Iterator[str]]) -> Iterator[str]:
    return ("".join(lines(low, min(low + _CHUNK, count))) for low in range(0, count, _CHUNK))


_USERS = ("id", "username", "email", "password_hash", "display_name", "status", "last_seen_at", "created_at", "updated_at")


def _users(size: Size, everybody: People, low: int, high: int) -> Iterator[str]:
    numbers = Numbers(size, "users", low)
    seen = iso(millis(size.end) - 1 - numbers.below(_DAY, high - low))
    chance = numbers.below(12, high - low).tolist()
    for i, (id, joined) in enumerate(zip(texts(everybody.users[low:high]), iso(everybody.joined[low:high]), strict=True)):
        name = username(low + i)
        shown = name.partition("_")[0].replace(".", " ").title()
        status = "online" if chance[i] < 4 else "away" if chance[i] < 6 else "busy" if chance[i] < 7 else "offline"
        yield f"{id}\t{name}\t{name}@example.com\t{PASSWORD_HASH}\t{shown}\t{status}\t{seen[i]}\t{joined}\t{joined}\n"


_SESSIONS = (
    "id", "user_id", "family_id", "refresh_token_hash", "device_id", "device_name", "device_type", "ip_address", "user_agent",
    "last_used_at", "expires_at", "created_at", "updated_at",
)  # fmt: skip


def _sessions(size: Size, everybody: People, low: int, high: int) -> Iterator[str]:
    """Yield a login for everybody, of the last twenty days, with the id of the user; the tokens are those of the demo, repeated."""
    numbers = Numbers(size, "sessions", low)
    begun = millis(size.end) - _DAY - numbers.below(19 * _DAY, high - low)
    devices, expires = numbers.below(len(_DEVICES), high - low).tolist(), iso(begun + 30 * _DAY)
    for i, (id, moment) in enumerate(zip(texts(everybody.users[low:high]), iso(begun), strict=True)):
        kind, name = _DEVICES[devices[i]]
        # Of a block that is kept for documentation.
        address = f"198.51.100.{(low + i) % 254 + 1}"
        hashed = REFRESH_TOKEN_HASHES[(low + i) % len(REFRESH_TOKEN_HASHES)]
        device = f"{id}\t{name}\t{kind}\t{address}\tchatschema seed"
        yield f"{id}\t{id}\t{id}\t{hashed}\t{device}\t{moment}\t{expires[i]}\t{moment}\t{moment}\n"


_KEYS = ("id", "user_id", "key_id", "public_key", "activated_at", "created_at", "updated_at")


def _keys(size: Size, everybody: People, low: int, high: int) -> Iterator[str]:
    for i, (id, joined) in enumerate(zip(texts(everybody.users[low:high]), iso(everybody.joined[low:high]), strict=True)):
        key = pool.public_key(size.rng, (low + i) % pool.KEY_PAIRS).hex()
        yield f"{id}\t{id}\tidentity-1\t\\\\x{key}\t{joined}\t{joined}\t{joined}\n"


_CONVERSATIONS = (
    "id",
    "type",
    "title",
    "direct_user_low",
    "direct_user_high",
    "created_by",
    "settings",
    "created_at",
    "updated_at",
)


def _talks(everybody: People, low: int, high: int) -> Iterator[str]:
    firsts = everybody.first[low:high]
    founders, seconds = (texts(everybody.users[everybody.members[firsts + place]]) for place in (0, 1))
    for i, (id, begun) in enumerate(zip(texts(everybody.conversations[low:high]), iso(everybody.begun[low:high]), strict=True)):
        is_direct = low + i < everybody.direct
        pair = f"{founders[i]}\t{seconds[i]}" if is_direct else "\\N\t\\N"
        title = "\\N" if is_direct else f"{words.TOPICS[(low + i) % len(words.TOPICS)]} {low + i}"
        theme = "dark" if (low + i) % 3 else "light"
        kind = "direct" if is_direct else "group"
        yield f'{id}\t{kind}\t{title}\t{pair}\t{founders[i]}\t{{"theme": "{theme}"}}\t{begun}\t{begun}\n'


_PARTICIPANTS = (
    "conversation_id", "user_id", "role", "encrypted_key", "key_algorithm", "key_version", "public_key_id", "notification_level",
    "is_pinned", "joined_at", "created_at", "updated_at",
)  # fmt: skip


def _members(size: Size, everybody: People, low: int, high: int) -> Iterator[str]:
    """Yield the participants: the founder of a group is its admin, the second its moderator. A key has the id of its user."""
    first, last = int(everybody.first[low]), int(everybody.first[high])
    members = everybody.members[first:last]
    conversation: Ints = low + np.repeat(np.arange(high - low), np.diff(everybody.first[low : high + 1]))
    nth = np.arange(first, last) - everybody.first[conversation]
    columns = zip(
        texts(everybody.conversations[conversation]), texts(everybody.users[members]), iso(everybody.begun[conversation]),
        conversation.tolist(), members.tolist(), nth.tolist(), strict=True,
    )  # fmt: skip
    for id, user, begun, number, member, place in columns:
        role = "member" if number < everybody.direct or place > 1 else ("admin", "moderator")[place]
        key = pool.wrapped(size.rng, number % pool.SECRETS, member % pool.KEY_PAIRS).hex()
        level, pinned = ("all", "all", "mentions")[(number + member) % 3], "f" if (number + member) % 10 else "t"
        yield f"{id}\t{user}\t{role}\t\\\\x{key}\tx25519-sealed-box\t1\t{user}\t{level}\t{pinned}\t{begun}\t{begun}\t{begun}\n"


def _events(everybody: People, low: int, high: int) -> Iterator[str]:
    founders = texts(everybody.users[everybody.members[everybody.first[low:high]]])
    moments = iso(everybody.begun[low:high])
    for id, founder, moment in zip(texts(everybody.conversations[low:high]), founders, moments, strict=True):
        yield entry(founder, "conversation.create", "conversation", id, "info", moment)


def _owners(everybody: People) -> Iterator[str]:
    for kind, ids in (("user", everybody.users), ("conversation", everybody.conversations)):
        for low in range(0, len(ids), _CHUNK):
            yield "".join(f"{kind}\t{id}\n" for id in texts(ids[low : low + _CHUNK]))
