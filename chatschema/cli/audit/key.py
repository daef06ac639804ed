"""chatschema audit key."""

from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options


def key(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="File of the private key; the public one gets the same name and .pub.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the key in signatures; this host's by default.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Create a key that signs anchors (Ed25519).

    The private key belongs on the host that makes anchors, readable by nobody else; the public key goes to those who verify.
    """
    import socket

    from chatschema.audit import keys

    made = keys.create(out.absolute(), name or f"audit.{socket.gethostname()}")
    public = Path(f"{out}.pub")
    if json:
        console.as_json({"private_key": out.absolute(), "public_key": public.absolute(), "name": made.name, "text": made.text()})
        return
    console.answer(f"private key: {out} (keep it secret)")
    console.answer(f"public key: {public}")
    console.answer(made.text())
