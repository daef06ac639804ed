"""Options that mean the same on several commands of chatschema report."""

from typing import Annotated

import typer

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
