"""Options that mean the same on several commands of chatschema report."""

from collections.abc import Container
from typing import Annotated

import typer

from chatschema.errors import UsageError

Sort = Annotated[
    str | None, typer.Option("--sort", metavar="COLUMN", help="Sort by this column, descending; a prefix is accepted.")
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Rows per table; 0 for all.")]
Full = Annotated[bool, typer.Option("--full", help="Show all columns and complete texts.")]
Replicas = Annotated[
    list[str] | None, typer.Option("--replica", metavar="URL", help="Add a replica's index scans and queries; repeatable.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="S", min=0.1, max=86400, help="Timeout for each report query, in seconds.")
]


def refuse_others(ctx: typer.Context, known: Container[str | None], what: str) -> None:
    """Raise UsageError for options of a report that are not `known` to the command that `what` makes of it."""
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name or "")
        if source is not None and source.name == "COMMANDLINE" and param.name not in known:
            option = param.opts[0]
            raise UsageError(f"{option} cannot be combined with {what}", f"leave out {option}", code="report.options")
