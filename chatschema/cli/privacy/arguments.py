"""Arguments that mean the same on every privacy command."""

from typing import Annotated

import typer

User = Annotated[str, typer.Argument(metavar="USER", help="Name or id of the person.", show_default=False)]
