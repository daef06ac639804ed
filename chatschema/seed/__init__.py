"""Demo data: the seeders of seeds/, the World they use, and the record of every row they created."""

from chatschema.seed.world import World

__all__ = ["World"]
