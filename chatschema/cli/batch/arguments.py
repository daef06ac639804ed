"""What the commands about batches share: the argument ID, and a batch as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chatschema.migration.batch.record import Batch

IdArgument = Annotated[int, typer.Argument(metavar="ID", help="Number of the batch, as in `batch list`.")]


def line(batch: Batch) -> str:
    """Return the state of a batch as one line."""
    limit = f", at most {batch.rate} rows/s" if batch.rate and batch.state != "done" else ""
    return f"batch {batch.id} of {batch.migration}: {batch.state}, {batch.rows_done} rows in {batch.batches} batches{limit}"
