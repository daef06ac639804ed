"""conversations: six groups and fifteen direct conversations, the one of alice and bob among them."""

from itertools import combinations
from typing import Any

from chatschema.seed import World

NEEDS = ("users",)
GROUPS = ("Everybody", "Kitchen", "Release 4.2", "Book club", "On call", "Running at noon")
DIRECT = 15


def seed(world: World) -> None:
    """Alice starts the groups; a direct conversation names its two people, smaller id first."""
    users = world.fetch(
        "select u.id, u.username from public.users as u join chatschema.seeded_rows as s"
        " on s.table_name = 'users' and s.key[1] = u.id::text where u.account_state = 'active' order by u.id"
    )
    by_name = {username: user_id for user_id, username in users}
    alice, bob = by_name["alice"], by_name["bob"]
    rows = [_conversation(world, number, alice, title=title) for number, title in enumerate(GROUPS)]
    others = [pair for pair in combinations((user_id for user_id, _ in users), 2) if pair != (alice, bob)]
    pairs = [(alice, bob), *world.random.sample(others, DIRECT - 1)]
    rows += [_conversation(world, number, pair[0], pair=pair) for number, pair in enumerate(pairs)]
    world.insert("conversations", rows)


def _conversation(
    world: World, number: int, founder: Any, *, title: str | None = None, pair: tuple[Any, Any] | None = None
) -> dict[str, Any]:
    started = world.ago(74 - number * 0.4)
    low, high = sorted(pair) if pair else (None, None)
    id = world.uuid7(started)
    return {
        "id": (low and high and world.direct_id(low, high)) or id,
        "type": "direct" if pair else "group",
        "title": title,
        "direct_user_low": low,
        "direct_user_high": high,
        "created_by": founder,
        "settings": {"theme": world.random.choice(("light", "dark"))},
        "retention_days": 30 if title == "On call" else None,
        "created_at": started,
        "updated_at": started,
    }
