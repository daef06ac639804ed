"""What a recipe is filled with."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fit:
    """The values for the placeholders of a recipe, its conditions, and more values for files that are written once an object."""

    values: dict[str, str]
    conditions: dict[str, bool] = field(default_factory=dict)
    each: dict[str, list[dict[str, str]]] = field(default_factory=dict)
