"""The files compared with the ledger: the state of every migration, and whether it is safe to continue."""

from collections.abc import Collection

from chatschema.errors import HistoryConflict
from chatschema.migration import phases
from chatschema.migration.batch.record import Batch
from chatschema.migration.files import MigrationFile
from chatschema.migration.ledger import Entry
from chatschema.migration.values import MigrationState, MigrationStatus

# States that stop `migrate`: the schema is not the one that the files describe.
CONFLICTS: tuple[MigrationState, ...] = ("edited", "missing", "newer", "renamed", "out-of-order")


def statuses(files: list[MigrationFile], entries: list[Entry]) -> list[MigrationStatus]:
    """Return the state of every migration in the files or the ledger, by id."""
    applied = {entry.id: entry for entry in entries if not entry.is_running}
    running = {entry.id: entry for entry in entries if entry.is_running}
    by_id = {file.id: file for file in files}
    new_names = renames(files, applied)
    last = max(by_id, default="")
    done = [_of_applied(entry, by_id.get(entry.id), new_names.get(entry.id), last) for entry in applied.values()]
    new = [file for file in files if file.id not in applied and file.id not in new_names.values()]
    done_files = [file for file in files if file.id in applied]
    open_ = [_of_pending(file, new, done_files, max(applied, default=""), running.get(file.id)) for file in new]
    lost = [
        MigrationStatus(
            id, "", "missing", None, False, "its statement was started and never recorded as finished, and the file is missing"
        )
        for id in running
        if id not in by_id
    ]
    return sorted(done + open_ + lost, key=lambda status: status.id)


def renames(files: list[MigrationFile], applied: dict[str, Entry]) -> dict[str, str]:
    """Map an applied id whose file is missing to the file that has the same text now."""
    present = {file.id for file in files}
    unapplied = {file.apply.checksum: file.id for file in files if file.id not in applied}
    return {
        entry.id: unapplied[entry.checksum] for entry in applied.values() if entry.id not in present and entry.checksum in unapplied
    }


def _of_applied(entry: Entry, file: MigrationFile | None, new_name: str | None, last: str) -> MigrationStatus:
    state: MigrationState = "applied"
    note = None
    if file is None and new_name:
        state, note = "renamed", f"the file is now {new_name}"
    elif file is None and entry.id > last:
        state, note = "newer", "it is newer than all files here, so a newer release applied it"
    elif file is None:
        state, note = "missing", "the file is missing"
    elif entry.is_undoing:
        state, note = "interrupted", "its rollback was started and never recorded as finished; undo continues it"
    elif entry.checksum is None:
        note = "applied by yoyo, so there is no checksum to compare"
    elif entry.checksum != file.apply.checksum:
        state, note = "edited", "the file differs from the one that was applied"
    return MigrationStatus(entry.id, file.title if file else "", state, entry.applied_at, bool(file and file.rollback), note)


def _of_pending(
    file: MigrationFile,
    new: list[MigrationFile],
    applied: list[MigrationFile],
    newest: str,
    running: Entry | None,
) -> MigrationStatus:
    state: MigrationState = "pending"
    note = None
    if running and (batch := running.batch) and not batch.batches and running.checksum != file.apply.checksum:
        state, note = "interrupted", "it was edited before one of its batches was done; migrate begins with the new text"
    elif running and (batch := running.batch):
        # Those that nobody has to wait for run on, whoever is connected.
        state, note = "interrupted" if batch.waits else "running", _progress(batch)
    elif running:
        state, note = "interrupted", "its statement was started and never recorded as finished; migrate continues it"
        if file.apply.is_online_index:
            note = "its index is being built, or its build was interrupted; migrate continues, undo drops what is built"
    elif file.apply.is_contract and file.id < newest and (later := phases.conflict(file, applied)):
        state, note = "out-of-order", f"{later.file.id}, which is already applied, names {later.table} as well"
    elif file.apply.is_contract and newest and phases.is_reached(file, new):
        state, note = "waiting", "a contract file, which migrate applies and migrate --phase expand leaves"
    elif file.id < newest:
        state, note = "out-of-order", f"its number is before {newest}, which is already applied"
    return MigrationStatus(file.id, file.title, state, None, file.rollback is not None, note)


def _progress(batch: Batch) -> str:
    of = f" of about {batch.rows_expected}" if batch.rows_expected and batch.rows_expected >= batch.rows_read else ""
    paused = ", paused" if batch.state == "paused" else ""
    how = "migrate continues them" if batch.waits else f"continue them: chatschema batch run {batch.id}"
    return f"its batches are not finished: {batch.rows_read}{of} rows{paused}; {how}"


def refuse_conflicts(
    statuses: list[MigrationStatus], so: str = "no migration was run", *, allowed: Collection[MigrationState] = ()
) -> None:
    """Raise HistoryConflict, with a fix, if files and ledger disagree; `so` says what was not done.

    States that are `allowed` are none.
    """
    stopping = {*CONFLICTS} - {*allowed}
    conflicts = [s for s in statuses if s.state in stopping or (s.state == "interrupted" and s.applied_at)]
    if not conflicts:
        return
    lines = "\n".join(f"  {status.id}  {status.state}: {status.note}" for status in conflicts)
    count = "1 migration conflicts" if len(conflicts) == 1 else f"{len(conflicts)} migrations conflict"
    message = f"{count} with the history of the database; {so}\n{lines}"
    raise HistoryConflict(message, _fix(conflicts[0]), code=f"history.{conflicts[0].state}")


def _fix(status: MigrationStatus) -> str:
    if status.state == "interrupted":
        return "finish the rollback: chatschema undo"
    if status.state == "edited":
        restore = f"restore the applied file, and write the change as a new migration: git checkout -- '*{status.id}.sql'"
        return f"{restore}; if only a comment was changed: chatschema repair {status.id}"
    if status.state == "newer":
        return "use the release that applied it; to run this one all the same: chatschema migrate --allow-newer"
    if status.state == "missing":
        return "restore the file from git, or use the version of the files that has it"
    if status.state == "renamed":
        return f"rename it and its rollback back: {status.id}.sql; or keep the new name: chatschema repair {status.id}"
    rename = f"rename it and its rollback to a number after the last applied one: <number>{status.id[14:]}.sql"
    return f"{rename}; or apply it as it is: chatschema migrate --out-of-order"
