"""Files against ledger: where every migration stands, and whether it is safe to go on."""

from chatschema.errors import HistoryConflict
from chatschema.migration.files import MigrationFile
from chatschema.migration.ledger import Entry
from chatschema.migration.values import MigrationState, MigrationStatus

# What stops `migrate`: going on would build on something other than what the files say.
CONFLICTS: tuple[MigrationState, ...] = ("edited", "missing", "renamed", "out-of-order")


def statuses(files: list[MigrationFile], entries: list[Entry]) -> list[MigrationStatus]:
    """Return the state of every migration in the files or the ledger, by id."""
    applied = {entry.id: entry for entry in entries if not entry.is_running}
    running = [entry.id for entry in entries if entry.is_running]
    by_id = {file.id: file for file in files}
    renames = _renames(files, applied)
    newest = max(applied, default="")
    done = [_of_applied(entry, by_id.get(entry.id), renames.get(entry.id)) for entry in applied.values()]
    new = [file for file in files if file.id not in applied and file.id not in renames.values()]
    open_ = [_of_pending(file, newest, is_running=file.id in running) for file in new]
    lost = [
        MigrationStatus(id, "", "missing", None, False, "its statement began and may have been cut off, and the file is gone")
        for id in running
        if id not in by_id
    ]
    return sorted(done + open_ + lost, key=lambda status: status.id)


def _renames(files: list[MigrationFile], applied: dict[str, Entry]) -> dict[str, str]:
    """Map an applied id whose file is gone to the file that has the same text now."""
    present = {file.id for file in files}
    unapplied = {file.apply.checksum: file.id for file in files if file.id not in applied}
    return {
        entry.id: unapplied[entry.checksum] for entry in applied.values() if entry.id not in present and entry.checksum in unapplied
    }


def _of_applied(entry: Entry, file: MigrationFile | None, new_name: str | None) -> MigrationStatus:
    state: MigrationState = "applied"
    note = None
    if file is None and new_name:
        state, note = "renamed", f"the file is now {new_name}"
    elif file is None:
        state, note = "missing", "the file is gone"
    elif entry.is_undoing:
        state, note = "interrupted", "its rollback began and may have been cut off; undo takes it up again"
    elif entry.checksum is None:
        note = "applied by yoyo, so there is no checksum to compare"
    elif entry.checksum != file.apply.checksum:
        state, note = "edited", "the file is not the one that was applied"
    return MigrationStatus(entry.id, file.title if file else "", state, entry.applied_at, bool(file and file.rollback), note)


def _of_pending(file: MigrationFile, newest: str, *, is_running: bool) -> MigrationStatus:
    state: MigrationState = "pending"
    note = None
    if is_running:
        state, note = "interrupted", "its statement began and may have been cut off; migrate takes it up again"
    elif file.id < newest:
        state, note = "out-of-order", f"it comes before {newest}, which is applied"
    return MigrationStatus(file.id, file.title, state, None, file.rollback is not None, note)


def refuse_conflicts(statuses: list[MigrationStatus]) -> None:
    """Raise HistoryConflict, with a cure, when files and ledger disagree."""
    conflicts = [s for s in statuses if s.state in CONFLICTS or (s.state == "interrupted" and s.applied_at)]
    if not conflicts:
        return
    lines = "\n".join(f"  {status.id}  {status.state}: {status.note}" for status in conflicts)
    count = "1 migration is" if len(conflicts) == 1 else f"{len(conflicts)} migrations are"
    raise HistoryConflict(f"{count} not as applied; no migration was run\n{lines}", _cure(conflicts[0]))


def _cure(status: MigrationStatus) -> str:
    if status.state == "interrupted":
        return "finish it: chatschema undo"
    if status.state == "edited":
        return f"take the applied text back, and put the change in a new migration: git checkout -- '*{status.id}.sql'"
    if status.state == "missing":
        return "run the version of the files that has it, or restore it from git"
    if status.state == "renamed":
        return f"take the old name back: {status.id}.sql, and its rollback"
    return f"give it, and its rollback, a number after the last applied one: <number>{status.id[14:]}.sql"
