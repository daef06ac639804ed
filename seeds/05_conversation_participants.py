"""conversation_participants: the members of each conversation, and its key, wrapped for each of them."""

from typing import Any

from nacl.public import PublicKey, SealedBox

from chatschema.seed import World

NEEDS = ("users", "user_public_keys", "conversations")


def seed(world: World) -> None:
    """A group has its founder as admin, a moderator, and two fifths of the users; one has left the first."""
    users = world.fetch(
        "select k.user_id, k.id, k.public_key from public.user_public_keys as k join chatschema.seeded_rows as s"
        " on s.table_name = 'user_public_keys' and s.key[1] = k.id::text where k.status = 'active' order by k.user_id"
    )
    conversations = world.fetch(
        "select c.id, c.created_by, c.direct_user_low, c.direct_user_high, c.title, c.created_at from public.conversations as c"
        " join chatschema.seeded_rows as s on s.table_name = 'conversations' and s.key[1] = c.id::text order by c.id"
    )
    rows: list[dict[str, Any]] = []
    for conversation_id, founder, low, high, title, created_at in conversations:
        if low is not None:
            members = [user for user in users if user[0] in (low, high)]
        else:
            # alice and bob, the first two, are in every group.
            members = users if title == "Everybody" else users[:2] + [u for u in users[2:] if world.random.random() < 0.35]
        key = world.secret("conversation key", conversation_id)
        for number, (user_id, key_id, public_key) in enumerate(members):
            role = "member" if low is not None else "admin" if user_id == founder else "moderator" if number == 1 else "member"
            left_at = world.ago(20) if title == "Everybody" and number == len(members) - 1 else None
            rows.append(
                {
                    "conversation_id": conversation_id,
                    "user_id": user_id,
                    "role": role,
                    "encrypted_key": SealedBox(PublicKey(public_key)).encrypt(key),
                    "key_algorithm": "x25519-sealed-box",
                    "key_version": 1,
                    "public_key_id": key_id,
                    "notification_level": world.random.choice(("all", "all", "mentions")),
                    "is_pinned": world.random.random() < 0.1,
                    "joined_at": created_at,
                    "left_at": left_at,
                    "created_at": created_at,
                    "updated_at": left_at or created_at,
                }
            )
    world.insert("conversation_participants", rows)
