"""message_statuses: who received and read what, with reactions; the last ones are not read yet."""

from datetime import timedelta
from typing import Any

from chatschema.seed import World

NEEDS = ("messages",)
REACTIONS = ("👍", "❤️", "😂", "🎉", "👀")


def seed(world: World) -> None:
    """A row for each reader except the sender, created on first delivery, as the delivery job does."""
    pairs = world.fetch(
        "select m.id, m.conversation_id, m.created_at, p.user_id from public.messages as m"
        " join chatschema.seeded_rows as s on s.table_name = 'messages' and s.key[1] = m.id::text"
        " join public.conversation_participants as p on p.conversation_id = m.conversation_id"
        " where p.left_at is null and p.user_id is distinct from m.sender_id and m.message_type <> 'system'"
        " order by m.id, p.user_id"
    )
    rows: list[dict[str, Any]] = []
    for message_id, conversation_id, said, user_id in pairs:
        delivered = said + timedelta(seconds=world.random.expovariate(1 / 4))
        read = delivered + timedelta(seconds=world.random.expovariate(1 / 1800))
        is_read = read < world.now and world.random.random() < 0.93
        reacts = is_read and world.random.random() < 0.03
        rows.append(
            {
                "message_id": message_id,
                "user_id": user_id,
                "conversation_id": conversation_id,
                "status": "read" if is_read else "delivered",
                "delivered_at": delivered,
                "read_at": read if is_read else None,
                "reactions": [world.random.choice(REACTIONS)] if reacts else [],
                "reacted_at": read if reacts else None,
                "created_at": delivered,
                "updated_at": read if is_read else delivered,
            }
        )
    world.insert("message_statuses", rows)
