"""Repairing the history: an edited file, or a new name, is accepted as what was applied."""

from collections.abc import Sequence
from dataclasses import dataclass

from chatschema import postgres
from chatschema.errors import ChatschemaError, HistoryConflict, UsageError
from chatschema.migration import files as migration_files
from chatschema.migration import former, history, journal, ledger
from chatschema.migration.files import MigrationFile
from chatschema.migration.values import MigrationStatus
from chatschema.postgres import Connection, Say, locks
from chatschema.task import verifying
from chatschema.task.verifying import Verified
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that is possible: the migration, and the file that would be accepted for it.

    `diff` are the lines of the difference from the applied text, None if that is not found; `verified` is the comparison of the
    database with the migrations as they would be then, None if it could not be made, with the reason in `unverified`.
    """

    status: MigrationStatus
    file: MigrationFile
    diff: Sequence[str] | None
    verified: Verified | None
    unverified: str | None = None


def look(
    settings: Settings, connection: Connection, files: list[MigrationFile], wanted: str, *, scratch: Settings | None, say: Say
) -> Repair:
    """Return what a repair of this migration would accept; changes nothing. Raises UsageError if there is nothing to repair."""
    status, file, checksum = _broken(connection, files, wanted)
    diff = [] if status.state == "renamed" else former.difference(file.apply, checksum)
    try:
        verified = verifying.verify(settings, connection, files, scratch=scratch, accepted=status.id, say=say)
    except ChatschemaError as error:
        return Repair(status, file, diff, None, error.message)
    return Repair(status, file, diff, verified)


def repair(connection: Connection, files: list[MigrationFile], found: Repair, *, say: Say) -> None:
    """Record the file as the applied one, with a note in the history. Raises HistoryConflict if it changed since the look."""
    with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
        status, file, checksum = _broken(connection, files, found.status.id)
        if (status.state, file.id) != (found.status.state, found.file.id):
            raise HistoryConflict(f"{status.id} is {status.state} now; nothing was changed", "look again", code="repair.changed")
        with postgres.transaction(connection):
            note = f"was {status.id}" if status.state == "renamed" else f"file of checksum {checksum[:12]} replaced"
            ledger.accept(connection, status.id, file.id, file.apply.checksum)
            journal.write(connection, file.id, "repair", {"note": note})


def _broken(connection: Connection, files: list[MigrationFile], wanted: str) -> tuple[MigrationStatus, MigrationFile, str]:
    """Return the migration to repair, the file for it, and the checksum that was applied."""
    entries = {entry.id: entry for entry in ledger.entries(connection) if not entry.is_running}
    statuses = {status.id: status for status in history.statuses(files, list(entries.values())) if status.applied_at}
    new_names = history.renames(files, entries)
    former_names = {new: old for old, new in new_names.items()}
    # The number alone may be that of both names.
    is_former = any(id.startswith(wanted) for id in statuses)
    known = migration_files.resolve(wanted, list(statuses if is_former else [*statuses, *former_names]))
    status = statuses[former_names.get(known, known)]
    if status.state not in ("edited", "renamed"):
        hint = "restore its file from git" if status.state == "missing" else "list the states: chatschema status"
        text = f"{status.id} is {status.state}: only an edited or renamed file can be accepted"
        raise UsageError(text, hint, code="repair.nothing")
    by_id = {file.id: file for file in files}
    return status, by_id[new_names.get(status.id, status.id)], entries[status.id].checksum or ""
