"""chatschema privacy erase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.privacy.arguments import User
from chatschema.errors import ExitCode
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.task.erasing import Expected, Receipt


def erase(
    user: User,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Count what would be erased, and change nothing.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Erase the personal data of a person (Art. 17 GDPR), in batches.

    Messages become tombstones and the account a pseudonym; archives are written again. A hold prevents it: the request is kept
    and the command exits with 3. A run that was interrupted is finished by the next one.
    """
    from chatschema.privacy import subject
    from chatschema.task import erasing

    with session.connected(session.settings(url)) as (live, connection):
        person = subject.find(connection, user)
        before = erasing.expected(connection, person)
        if dry_run:
            _print_expected(before, as_json=json)
            return
        if not before.holds:
            what = f"erase {before.username} would erase {_listed(before.rows)} for good"
            console.confirm_name(what, connection.info.dbname, yes=yes, look="the same command with --dry-run")
        receipt = erasing.erase(connection, live, person, lock_wait_s=lock_wait, say=console.note)
    if json:
        console.as_json({"receipt": receipt})
    else:
        _print(receipt)
    if not receipt.is_clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _print_expected(before: Expected, *, as_json: bool) -> None:
    if as_json:
        console.as_json({"expected": before})
    else:
        console.answer(f"{before.username} ({before.subject_id}): would erase {_listed(before.rows)}")
        for hold in before.holds:
            console.answer(f"hold {hold} prevents it: chatschema hold list")
    if before.holds:
        raise typer.Exit(ExitCode.FINDINGS)


def _listed(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in rows.items())


def _print(receipt: Receipt) -> None:
    console.answer(f"erased {receipt.subject_id}: {_listed(receipt.rows)}")
    for month, rows in receipt.archives.items():
        console.answer(f"archive of {month}: {rows} rows erased" if rows else f"archive of {month}: has no data of this person")
    for where, why in receipt.unreached.items():
        console.answer(f"NOT REACHED: {where}: {why}")
    for left in receipt.left:
        console.answer(f"STILL FOUND: {left.where}: {left.rows}")
    if not receipt.left:
        console.answer(f"searched every column and the statistics for {receipt.searched_for} values: nothing is left")
    for what, until in receipt.beyond.items():
        console.note(f"out of SQL's reach: {what}: {until}")
    console.answer(f"receipt {receipt.sha256}: chatschema privacy list --json")
