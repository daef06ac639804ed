"""chatschema audit prove."""

from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.audit import verify


def prove(
    id: Annotated[int, typer.Argument(metavar="ID", help="Id of the entry.")],
    anchor: Annotated[
        Path | None, typer.Option("--anchor", metavar="FILE", help="An anchor that has its seal.", dir_okay=False)
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The public key of the anchor.", dir_okay=False)] = None,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Print the proof that an entry is in the audit trail, one line of JSON.

    It has the entry without its personal data, and hashes of others. audit check-proof checks it without a database; only with
    --anchor it is signed.
    """
    from chatschema.audit import proof

    del json
    known = verify.read_anchor(anchor, key)
    signed = (anchor.read_text("utf-8"), known.leaves) if anchor and known else None
    with session.connected(session.settings(url), writes=False) as (_, connection):
        console.data(proof.prove(connection, id, signed))
