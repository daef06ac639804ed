"""user_public_keys: an X25519 identity key for everybody; alice has rotated hers once."""

from typing import Any

from nacl.public import PrivateKey

from chatschema.seed import World

NEEDS = ("users",)


def seed(world: World) -> None:
    """The private keys can be computed again from --rng; chatschema seed writes them to .chatschema/demo-keys.json."""
    users = world.fetch(
        "select u.id, u.username, u.created_at from public.users as u join chatschema.seeded_rows as s"
        " on s.table_name = 'users' and s.key[1] = u.id::text order by u.id"
    )
    rows: list[dict[str, Any]] = []
    for user_id, username, created_at in users:
        if username == "alice":
            old = _key(world, user_id, "old alice", created_at, version=1)
            old.update(status="superseded", superseded_at=world.ago(60))
            rows.append(old)
            rows.append(_key(world, user_id, username, world.ago(60), version=2))
        else:
            rows.append(_key(world, user_id, username, created_at, version=1))
    world.insert("user_public_keys", rows)


def _key(world: World, user_id: Any, owner: str, created_at: Any, *, version: int) -> dict[str, Any]:
    return {
        "id": world.uuid7(created_at),
        "user_id": user_id,
        "key_type": "identity",
        "algorithm": "x25519",
        "key_id": f"identity-{version}",
        "key_version": version,
        "public_key": bytes(PrivateKey(world.secret("private key", owner)).public_key),
        "status": "active",
        "activated_at": created_at,
        "superseded_at": None,
        "created_at": created_at,
        "updated_at": created_at,
    }
