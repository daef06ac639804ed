"""The Python interface, for scripts, tests and servers: migrate, undo, reset, seed, status, maintain and report.

Each function takes the URL of a database, or an open psycopg connection to it, and returns a frozen value. Nothing is printed,
and no question is asked; `on_event` is called with each note and each step. Every error is a ChatschemaError, with `message`,
`hint`, `code` and `exit_code`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatschema.task.interface import (
        Event,
        Migrated,
        Report,
        maintain,
        migrate,
        report,
        reset,
        seed,
        status,
        undo,
    )

__all__ = ["Event", "Migrated", "Report", "maintain", "migrate", "report", "reset", "seed", "status", "undo"]


def __getattr__(name: str) -> Any:
    """Load a function when it is used: importing this module costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from chatschema.task import interface

    return getattr(interface, name)
