"""The targets: each module writes the file of one, from the models."""

import importlib
from collections.abc import Callable
from typing import Literal, get_args

from chatschema.models.values import Model, SchemaError, Text

Target = Literal["sequelize", "typescript", "kysely", "drizzle", "prisma", "python"]
TARGETS: tuple[Target, ...] = get_args(Target)
# Those whose files also have the errors of the schema as a constant.
_WITH_ERRORS: tuple[Target, ...] = ("typescript", "python")


def write(target: Target, models: tuple[Model, ...], errors: tuple[SchemaError, ...], command: str) -> Text:
    """Return the file of a target; its first line names the command. Raises UsageError for what the target cannot express."""
    text: Callable[..., Text] = importlib.import_module(f"{__name__}.{target}").text
    return text(models, errors, command) if target in _WITH_ERRORS else text(models, command)
