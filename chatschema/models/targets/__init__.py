"""The targets: each module writes the file of one, from the models."""

import importlib
from collections.abc import Callable
from typing import Literal, get_args

from chatschema.models.values import Model, Text

Target = Literal["sequelize", "typescript", "kysely", "drizzle", "prisma", "python"]
TARGETS: tuple[Target, ...] = get_args(Target)


def write(target: Target, models: tuple[Model, ...], command: str) -> Text:
    """Return the file of a target; its first line names the command. Raises UsageError for what the target cannot express."""
    text: Callable[[tuple[Model, ...], str], Text] = importlib.import_module(f"{__name__}.{target}").text
    return text(models, command)
