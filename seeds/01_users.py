"""users: twenty-five people, alice and bob among them; the demo password of all is "correct horse battery staple"."""

from chatschema.seed import World
from chatschema.seed.hashes import PASSWORD_HASH

NEEDS: tuple[str, ...] = ()
COUNT = 25


def seed(world: World) -> None:
    """All users share one password and one hash."""
    names = {"alice": "Alice Ahmed", "bob": "Bob Baker"}
    while len(names) < COUNT:
        full_name = world.fake.unique.name()
        first = full_name.split()[-2] if full_name.split()[0].endswith(".") else full_name.split()[0]
        names.setdefault(f"{first}.{full_name.split()[-1]}".lower().replace("'", ""), full_name)
    rows = []
    for number, (username, display_name) in enumerate(names.items()):
        joined = world.ago(88 - number * 0.5)
        rows.append(
            {
                "id": world.uuid7(joined),
                "username": username,
                "email": f"{username}@example.com",
                "password_hash": PASSWORD_HASH,
                "display_name": display_name,
                "avatar_url": f"https://avatars.example.com/{username}.png" if number % 3 else None,
                "status": world.random.choices(("online", "away", "busy", "offline"), (4, 2, 1, 5))[0],
                "last_seen_at": world.ago(world.random.expovariate(1.5)),
                "account_state": "suspended" if number == COUNT - 1 else "active",
                "created_at": joined,
                "updated_at": joined,
            }
        )
    world.insert("users", rows)
