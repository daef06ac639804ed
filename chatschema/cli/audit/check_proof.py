"""chatschema audit check-proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options

if TYPE_CHECKING:
    from chatschema.audit.proof import Proved


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
    """Check a proof, or several, one a line, without a database.

    Exit 3 if one of them proves nothing. Without --key, compare the root with an anchor that you trust.
    """
    import sys

    from chatschema.audit import keys, proof

    text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8", errors="replace")
    public = keys.read_public(key) if key else None
    found = [proof.check(line, public) for line in text.splitlines() if line.strip()] or [proof.check("", public)]
    if json:
        console.as_json({"proofs": found})
        return
    for done in found:
        _print(done)


def _print(done: Proved) -> None:
    for name, value in done.entry.items():
        console.answer(f"{name}: {'' if value is None else value}")
    console.answer(f"is in seal {done.seal['number']} of {done.seals}, sealed at {done.seal['time']}, of {done.origin}")
    if done.signed_by:
        console.answer(f"signed by {done.signed_by}")
    else:
        console.answer(f"the signature was not checked; the root over all seals is {done.root}")
