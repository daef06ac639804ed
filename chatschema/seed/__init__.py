"""Demo data: the seeders of seeds/, the world they work in, and the record of every row they made."""

from chatschema.seed.world import World

__all__ = ["World"]
