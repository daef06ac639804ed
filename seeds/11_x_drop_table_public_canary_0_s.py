"""x_drop_table_public_canary_0_s: one sentence about the rows."""

from chatschema.seed import World

NEEDS: tuple[str, ...] = ()


def seed(world: World) -> None:
    """Describe the rows."""
    world.insert("x_drop_table_public_canary_0_s", [])
