"""chatschema privacy erase, erase-conversation and erase-message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.privacy.arguments import User
from chatschema.errors import ExitCode
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.privacy.erase.receipt import Receipt
    from chatschema.privacy.subject import Subject
    from chatschema.task.erasing import Expected

DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Count what would be erased, and change nothing.")]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Sign the receipt with this private key of audit key.", dir_okay=False)
]
ReceiptFile = Annotated[
    Path | None, typer.Option("--receipt", metavar="FILE", help="Write the receipt to this new file as well.", dir_okay=False)
]


@dataclass(frozen=True, slots=True)
class _Options:
    dry_run: bool
    yes: bool
    key: Path | None
    receipt: Path | None
    json: bool
    lock_wait: float
    url: str | None


def erase(
    user: User,
    dry_run: DryRun = False,
    yes: options.Yes = False,
    key: Key = None,
    receipt: ReceiptFile = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Erase the personal data of a person (Art. 17 GDPR), in batches.

    Messages become tombstones and the account a pseudonym; archives are written again. A hold prevents it: the request is kept
    and the command exits with 3. A run that was interrupted is finished by the next one.
    """
    from chatschema.privacy import subject

    _run(lambda connection: subject.person(connection, user), _Options(dry_run, yes, key, receipt, json, lock_wait, url))


def erase_conversation(
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION", help="Id of the conversation.", show_default=False)],
    dry_run: DryRun = False,
    yes: options.Yes = False,
    key: Key = None,
    receipt: ReceiptFile = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Erase a conversation: its messages, files, keys and title, in batches.

    Who took part stays. A hold prevents it: the request is kept and the command exits with 3. A run that was interrupted is
    finished by the next one.
    """
    from chatschema.privacy import subject

    given = _Options(dry_run, yes, key, receipt, json, lock_wait, url)
    _run(lambda connection: subject.conversation(connection, conversation), given)


def erase_message(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Id of the message.", show_default=False)],
    dry_run: DryRun = False,
    yes: options.Yes = False,
    key: Key = None,
    receipt: ReceiptFile = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Erase a message: its content, earlier versions, reactions and files.

    A tombstone stays, so that replies keep their place. A hold prevents it: the request is kept and the command exits with 3. A
    run that was interrupted is finished by the next one.
    """
    from chatschema.privacy import subject

    _run(lambda _: subject.message(message), _Options(dry_run, yes, key, receipt, json, lock_wait, url))


def _run(find: Callable[[Connection], Subject], given: _Options) -> None:
    from chatschema.audit import keys
    from chatschema.privacy.erase import receipt as receipts
    from chatschema.task import erasing

    key = keys.read_private(given.key) if given.key else None
    file = given.receipt.absolute() if given.receipt else None
    if file:
        receipts.refuse_existing(file)
    with session.connected(session.settings(given.url), writes=not given.dry_run) as (live, connection):
        subject = find(connection)
        before = erasing.expected(connection, subject)
        if given.dry_run:
            _print_expected(before, as_json=given.json)
            return
        if not before.holds:
            what = f"erase {before.name} would erase {_listed(before.rows)} for good"
            console.confirm_name(what, connection.info.dbname, yes=given.yes, look="the same command with --dry-run")
        receipt = erasing.erase(connection, live, subject, key=key, lock_wait_s=given.lock_wait, say=console.note)
    if file:
        receipts.write(file, receipt)
    if given.json:
        console.as_json({"receipt": receipt})
    else:
        _print(receipt)
    if not receipt.is_clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _print_expected(before: Expected, *, as_json: bool) -> None:
    if as_json:
        console.as_json({"expected": before})
    else:
        name = f"{before.name} ({before.subject_id})" if before.subject_type == "user" else before.name
        console.answer(f"{name}: would erase {_listed(before.rows)}")
        for hold in before.holds:
            console.answer(f"hold {hold} prevents it: chatschema hold list")
    if before.holds:
        raise typer.Exit(ExitCode.FINDINGS)


def _listed(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in rows.items())


def _print(receipt: Receipt) -> None:
    console.answer(f"erased {receipt.subject_id}: {_listed(receipt.rows)}")
    for month, rows in receipt.archives.items():
        console.answer(f"archive of {month}: {rows} rows erased" if rows else f"archive of {month}: has no such rows")
    for where, why in receipt.unreached.items():
        console.answer(f"NOT REACHED: {where}: {why}")
    for left in receipt.left:
        console.answer(f"STILL FOUND: {left.where}: {left.rows}")
    for similar in receipt.similar:
        console.answer(f"the title also stands in {similar.where}: {similar.rows}")
    if not receipt.left:
        console.answer(f"searched every column and the statistics for {receipt.searched_for} values: nothing is left")
    for what, until in receipt.beyond.items():
        console.note(f"out of SQL's reach: {what}: {until}")
    signed = " (signed)" if receipt.note else ""
    console.answer(f"receipt {receipt.sha256}{signed}: chatschema privacy list --json")
