"""chatschema audit verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from chatschema.audit.anchor import Anchor
    from chatschema.audit.findings import Verified
    from chatschema.postgres import Connection


def verify(
    anchor: Annotated[
        Path | None, typer.Option("--anchor", metavar="FILE", help="The anchor that was kept elsewhere.", dir_okay=False)
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The public key of the anchor.", dir_okay=False)] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Let the server hash: faster, and trusts the server.")] = False,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Recompute all seals of the audit trail, and name what was changed.

    Reads only. With --anchor it also finds seals that were cut off or recomputed. Exit 3 if anything is wrong.
    """
    from chatschema.audit import verify

    known = read_anchor(anchor, key)
    with (
        session.connected(session.settings(url), writes=False) as (_, connection),
        console.progress("verifying", _expected(connection)) as advance,
    ):
        done = verify.verify(connection, known, quick=quick, tell=advance)
    if json:
        console.as_json(done)
    else:
        _print(done)
    if done.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def read_anchor(anchor: Path | None, key: Path | None) -> Anchor | None:
    """Return the anchor in a file, checked with the key. Raises UsageError if one of the two is missing."""
    from chatschema.audit import anchor as anchors
    from chatschema.audit import keys

    if (anchor is None) != (key is None):
        raise UsageError("--anchor and --key belong together", "name the anchor and its public key", code="usage.options")
    if anchor is None or key is None:
        return None
    return anchors.parse(anchor.read_text("utf-8", errors="replace"), keys.read_public(key))


def _expected(connection: Connection) -> int:
    from chatschema import postgres

    query = "select greatest(reltuples, 0)::bigint from pg_catalog.pg_class where oid = 'public.audit_logs'::regclass"
    return int(postgres.fetch_one(connection, query)[0])


def _print(done: Verified) -> None:
    for finding in done.findings:
        console.answer(f"wrong: {finding.text}")
    for note in done.notes:
        console.answer(f"look at: {note}")
    anchored = "" if done.anchored is None else f", {done.anchored} of them anchored"
    newest = f"; the newest is from {units.when(done.newest_seal_at)} UTC" if done.newest_seal_at else ""
    console.answer(f"{console.count(done.seals, 'seal')}{anchored}, {entries(done.entries)} checked{newest}")
    if done.removed:
        removed = console.count(done.removed, "seal")
        console.answer(f"{entries(done.only_archived)} of {removed} only in archives: removed after they were archived")
    if done.erased:
        console.answer(f"{entries(done.erased)} with erased personal data")
    if done.unsealed.entries:
        oldest = units.when(done.unsealed.oldest_at)
        console.answer(f"{entries(done.unsealed.entries)} without a seal, the oldest from {oldest} UTC")
        for holder in done.unsealed.holders:
            console.answer(f"  the next seal waits for {holder}")
    console.answer("this check cannot prove:")
    for text in done.cannot_prove:
        console.answer(f"  {text}")
    found = console.count(len(done.findings), "finding")
    console.answer(found if done.findings else "no finding: everything is as it was sealed")


def entries(number: int) -> str:
    """Return a number of entries."""
    return "1 entry" if number == 1 else f"{number} entries"
