"""chatschema audit check-proof."""

from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options


def check_proof(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The proof, as audit prove printed it; - for stdin.", allow_dash=True, dir_okay=False),
    ],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="The public key that signed its anchor.", dir_okay=False)
    ] = None,
    json: options.Json = False,
) -> None:
    """Check a proof, without a database.

    Exit 3 if it proves nothing. Without --key, compare the root with an anchor that you trust.
    """
    import sys

    from chatschema.audit import keys, proof

    text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8", errors="replace")
    done = proof.check(text, keys.read_public(key) if key else None)
    if json:
        console.as_json(done)
        return
    for name, value in done.entry.items():
        console.answer(f"{name}: {'' if value is None else value}")
    console.answer(f"is in seal {done.seal['number']} of {done.seals}, sealed at {done.seal['time']}, of {done.origin}")
    if done.signed_by:
        console.answer(f"signed by {done.signed_by}")
    else:
        console.answer(f"the signature was not checked; the root over all seals is {done.root}")
