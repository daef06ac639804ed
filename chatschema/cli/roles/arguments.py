"""Options of several commands on roles."""

from typing import Annotated

import typer

Prefix = Annotated[
    str | None,
    typer.Option("--prefix", metavar="NAME", help="Beginning of the roles' names; the one that was applied, or chat."),
]
