"""chatschema report snapshot and diff: what changed between two moments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import options


def snapshot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Write down what the statistics say now, to compare with later. Resets nothing."""


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The earlier snapshot.")],
    after: Annotated[Path | None, typer.Argument(metavar="B", help="The later one; else the server, now.")] = None,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Compare two snapshots, or one with now: which queries and indexes are new, gone, or regressed."""
