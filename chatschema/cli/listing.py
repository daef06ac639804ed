"""The list of commands in --help: one whole sentence for each, wrapped instead of cut off, under the titles of their tasks."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperGroup


def install() -> None:
    """Use this list for every group of commands; Typer's own cuts a sentence off at the width of the terminal."""
    TyperGroup.format_commands = _format_commands  # type: ignore[method-assign,assignment]


def write(group: Any, ctx: Any, formatter: Any, sections: Mapping[str, Sequence[str]]) -> None:
    """Write the commands of each section under its title."""
    width = max(len(name) for names in sections.values() for name in names)
    for title, names in sections.items():
        found = [(name, group.get_command(ctx, name)) for name in names]
        # All sections have the same columns.
        rows = [(name.ljust(width), _summary(command)) for name, command in found if command and not command.hidden]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _format_commands(group: Any, ctx: Any, formatter: Any) -> None:
    if names := group.list_commands(ctx):
        write(group, ctx, formatter, {"Commands": names})


def _summary(command: Any) -> str:
    """Return the first sentence of a command's help."""
    text = inspect.cleandoc(command.short_help or command.help or "")
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]
