"""auth_sessions: a live login for everybody, rotated tokens for some, one revoked for reuse; bcrypt of cost 12."""

from datetime import timedelta
from typing import Any

from chatschema.seed import World
from chatschema.seed.hashes import REFRESH_TOKEN_HASHES

NEEDS = ("users",)
DEVICES = (("web", "Firefox on Linux"), ("ios", "iPhone"), ("android", "Pixel"), ("desktop", "MacBook"))


def seed(world: World) -> None:
    """Every third user has refreshed once: the new token has the old one as its parent."""
    users = world.fetch(
        "select u.id, u.username from public.users as u join chatschema.seeded_rows as s"
        " on s.table_name = 'users' and s.key[1] = u.id::text order by u.id"
    )
    rows: list[dict[str, Any]] = []
    for number, (user_id, username) in enumerate(users):
        first = _session(world, user_id, days=world.random.uniform(1, 20))
        rows.append(first)
        if number % 3 == 0:
            rows.append(_rotate(world, first))
        if username == "bob":
            stolen = _session(world, user_id, days=25)
            stolen.update(revoked_at=world.ago(24), revoked_reason="reuse_detected")
            rows.append(stolen)
    for row, hashed in zip(rows, REFRESH_TOKEN_HASHES, strict=False):
        row["refresh_token_hash"] = hashed
    world.insert("auth_sessions", rows)


def _session(world: World, user_id: Any, *, days: float) -> dict[str, Any]:
    issued = world.ago(days)
    device_type, device_name = world.random.choice(DEVICES)
    return {
        "id": world.uuid7(issued),
        "user_id": user_id,
        "family_id": world.uuid7(issued),
        "parent_id": None,
        "refresh_token_hash": "",
        "device_id": world.uuid7(issued),
        "device_name": device_name,
        "device_type": device_type,
        "ip_address": world.fake.ipv4_public(),
        "user_agent": world.fake.user_agent(),
        "last_used_at": issued,
        "rotated_at": None,
        "revoked_at": None,
        "revoked_reason": None,
        "expires_at": issued + timedelta(days=30),
        "created_at": issued,
        "updated_at": issued,
    }


def _rotate(world: World, parent: dict[str, Any]) -> dict[str, Any]:
    rotated = parent["created_at"] + timedelta(hours=6)
    parent.update(rotated_at=rotated, last_used_at=rotated)
    renewed = {"rotated_at": None, "created_at": rotated, "last_used_at": rotated, "expires_at": rotated + timedelta(days=30)}
    return {**parent, "id": world.uuid7(rotated), "parent_id": parent["id"], "updated_at": rotated, **renewed}
