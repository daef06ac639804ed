"""chatschema audit seal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.audit import verify
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.audit.records import Seal
    from chatschema.postgres import Connection


def seal(
    new_epoch: Annotated[
        str | None,
        typer.Option("--new-epoch", metavar="REASON", help="Declare that the trail goes on in this cluster, for example restored."),
    ] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Seal the entries of the audit trail that have no seal yet.

    A seal is a hash over all entries of transactions that have ended. maintain does this too. Exit 3 if the trail was sealed
    in another cluster: --new-epoch declares that this is intended, and records it in the trail.
    """
    with session.connected(session.settings(url)) as (_, connection):
        if new_epoch is None:
            _seal(connection, lock_wait, as_json=json)
        else:
            _begin_epoch(connection, new_epoch, lock_wait, as_json=json)


def _seal(connection: Connection, lock_wait: float, *, as_json: bool) -> None:
    from chatschema.audit import seal

    done = []
    for one in seal.seal(connection, wait_s=lock_wait, say=console.note):
        done.append(one)
        if not as_json:
            console.answer(line(one))
    if as_json:
        console.as_json({"epoch": None, "sealed": [document(one) for one in done]})
    elif not done:
        console.answer("nothing to do: no new entries of transactions that have ended")


def _begin_epoch(connection: Connection, reason: str, lock_wait: float, *, as_json: bool) -> None:
    from chatschema.audit import seal

    epoch, made = seal.begin_epoch(connection, reason, wait_s=lock_wait, say=console.note)
    if as_json:
        parts = {"number": epoch.number, "system_identifier": epoch.system_identifier, "timeline": epoch.timeline}
        console.as_json({"epoch": {**parts, "reason": epoch.reason}, "sealed": [document(made)]})
        return
    console.answer(f"began epoch {epoch.number} in the cluster {epoch.system_identifier}: {epoch.reason}")
    console.answer(line(made))


def line(one: Seal) -> str:
    """Return the line about a seal."""
    return f"sealed {verify.entries(one.row_count)} as seal {one.number}"


def document(one: Seal) -> dict[str, object]:
    """Return a seal for --json."""
    return {
        "number": one.number, "epoch": one.epoch, "entries": one.row_count, "first_id": one.first_id, "last_id": one.last_id,
        "root": one.root.hex(), "sealed_at": one.sealed_at,
    }  # fmt: skip
