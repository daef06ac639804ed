"""chatschema privacy check-receipt."""

from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options


def check_receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt, as --receipt wrote it.", exists=True, dir_okay=False)],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="The public key that signed it.", dir_okay=False)
    ] = None,
    json: options.Json = False,
) -> None:
    """Check the receipt of an erasure, without a database.

    Exit 3 if it was changed, or was not signed by this key. Without --key, compare its SHA-256 with the one in the audit trail.
    """
    from chatschema.audit import keys
    from chatschema.privacy.erase import receipt

    found = receipt.check(file, keys.read_public(key) if key else None)
    if json:
        console.as_json(found)
        return
    document = found.receipt
    console.answer(f"{document['subject_type']} {document['subject_id']}: erased at {document['finished_at']}")
    for where in [*document["unreached"], *(left["where"] for left in document["left"])]:
        console.answer(f"not erased: {where}")
    console.answer(f"receipt {document['sha256']}")
    console.answer(f"signed by {found.signed_by}" if found.signed_by else "no signature was checked")
