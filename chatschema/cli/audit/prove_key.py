"""chatschema audit prove-key."""

from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.audit import verify
from chatschema.errors import UsageError


def prove_key(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a user, for all keys of theirs, or of one public key.")],
    anchor: Annotated[
        Path | None, typer.Option("--anchor", metavar="FILE", help="An anchor that has their seals.", dir_okay=False)
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The public key of the anchor.", dir_okay=False)] = None,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Print a proof for each entry about public keys: published, superseded, revoked, removed.

    One line of JSON each, oldest first, which audit check-proof checks. resource_id in each is user, key and fingerprint, so a
    client sees whether it was given the key that everybody else was given.
    """
    from uuid import UUID

    from chatschema.audit import proof

    try:
        subject = UUID(id)
    except ValueError:
        hint = "ids look like 019b76da-a800-7000-8000-000000000000"
        raise UsageError(f"{id} is not an id", hint, code="audit.id-syntax") from None
    known = verify.read_anchor(anchor, key)
    signed = (anchor.read_text("utf-8"), known.leaves) if anchor and known else None
    with session.connected(session.settings(url), writes=False) as (_, connection):
        made = list(proof.prove_keys(connection, subject, signed))
        if removed := proof.only_archived(connection):
            console.note(
                f"{verify.entries(removed)} of the trail are only in archives; those about these keys are not among the proofs"
            )
    if json:
        from json import loads

        console.as_json({"proofs": [loads(one) for one in made]})
        return
    for one in made:
        console.data(one)
