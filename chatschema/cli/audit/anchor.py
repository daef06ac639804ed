"""chatschema audit anchor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError, UsageError

if TYPE_CHECKING:
    from chatschema.audit.keys import PublicKey
    from chatschema.postgres import Connection


def anchor(
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The private key, as audit key wrote it.", dir_okay=False)],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write the anchor to this file; an earlier one must agree.")
    ] = None,
    command: Annotated[
        str | None, typer.Option("--command", metavar="COMMAND", help="Pass the anchor to this shell command on its stdin.")
    ] = None,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Sign the hashes of all seals, for a place that the owner of the database cannot change.

    Prints the anchor, or writes it with --file or --command. Exit 3 if the anchor that is in the file has other seals than the
    database; the file is kept then.
    """
    from chatschema.audit import anchor, keys

    if file and command:
        raise UsageError("--file and --command cannot be combined", "use one of them", code="usage.options")
    private = keys.read_private(key)
    with session.connected(session.settings(url), writes=False) as (_, connection):
        if file and file.exists():
            _refuse_other(connection, file, private.public())
        text, made = anchor.make(connection, private)
    if command:
        _pass_on(text, command)
    elif file:
        _write(text, file)
    elif not json:
        console.data(text.rstrip("\n"))
        return
    if json:
        parts = {"origin": made.origin, "seals": len(made.leaves), "signed_by": made.signed_by}
        console.as_json({**parts, "file": file.absolute() if file else None, "text": text})
        return
    console.answer(f"anchored {console.count(len(made.leaves), 'seal')}: {file or command}")


def _refuse_other(connection: Connection, file: Path, key: PublicKey) -> None:
    """Raise if the seals are not those of the anchor in the file, and more: that anchor is the evidence."""
    from chatschema.audit import anchor, keys

    differences = anchor.continues(connection, anchor.parse(file.read_text("utf-8", errors="replace"), key))
    if differences:
        text = f"the seals are not those of the anchor in {file}: {differences[0]}; the file was kept"
        raise keys.NotGenuine(text, f"see: chatschema audit verify --anchor {file} --key FILE.pub", code="audit.anchor-refused")


def _write(text: str, file: Path) -> None:
    import os

    partial = file.with_name(file.name + ".part")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(file)


def _pass_on(text: str, command: str) -> None:
    import subprocess

    done = subprocess.run(command, shell=True, input=text, text=True, check=False)  # noqa: S602  # the user's own command
    if done.returncode:
        text = f"the command ended with exit code {done.returncode}: {command}"
        raise ChatschemaError(text, "the anchor was not kept; repair the command and run this again", code="audit.anchor-command")
