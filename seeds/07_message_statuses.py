"""message_statuses: who received and read what, with reactions; the last ones are not read yet."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from chatschema.seed import World

NEEDS = ("messages",)
REACTIONS = ("👍", "❤️", "😂", "🎉", "👀")


def seed(world: World) -> None:
    """A row for each reader except the sender, created on first delivery, as the delivery job does."""
    messages = world.fetch(
        "select m.id::text, m.conversation_id::text, m.created_at, m.sender_id::text from public.messages as m"
        " join chatschema.seeded_rows as s on s.table_name = 'messages' and s.key[1] = m.id::text"
        " where m.message_type <> 'system' order by m.id"
    )
    members = world.fetch(
        "select p.conversation_id::text, p.user_id::text from public.conversation_participants as p"
        " where p.left_at is null and p.conversation_id in (select m.conversation_id from public.messages as m"
        " join chatschema.seeded_rows as s on s.table_name = 'messages' and s.key[1] = m.id::text) order by p.user_id"
    )
    readers: dict[str, list[str]] = defaultdict(list)
    for conversation_id, user_id in members:
        readers[conversation_id].append(user_id)
    world.insert("message_statuses", _reports(world, messages, readers))


def _reports(world: World, messages: list[Any], readers: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    for message_id, conversation_id, said, sender_id in messages:
        for user_id in readers[conversation_id]:
            if user_id == sender_id:
                continue
            delivered = said + timedelta(seconds=world.random.expovariate(1 / 4))
            read = delivered + timedelta(seconds=world.random.expovariate(1 / 1800))
            is_read = read < world.now and world.random.random() < 0.93
            reacts = is_read and world.random.random() < 0.03
            yield {
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
