"""The migrations that a run would apply, and whether it may. Without yoyo, which is loaded only when there is work."""

from collections.abc import Sequence

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration import collisions, history, ledger, phases
from chatschema.migration.files import MigrationFile
from chatschema.migration.values import MigrationState, MigrationStatus
from chatschema.postgres import Connection
from chatschema.values import Planning

_NEW = ("pending", "waiting", "out-of-order")


def pending(
    files: list[MigrationFile], statuses: Sequence[MigrationStatus], to: str | None, *, only_expand: bool = False
) -> list[MigrationFile]:
    """Return the migrations to apply, oldest first, up to and including `to`; none if `to` is already applied.

    Those that are out of order are among them: check_history() has refused them, or they are allowed.
    With `only_expand` contract files are held back. Raises ChatschemaError if a later file names a table of one of them.
    """
    open_ = {s.id for s in statuses if s.state in _NEW or (s.state == "interrupted" and s.applied_at is None)}
    found = [file for file in files if file.id in open_ and (to is None or file.id <= to)]
    return phases.without_contract(found) if only_expand else found


def check_history(files: list[MigrationFile], connection: Connection, rules: Planning) -> list[MigrationStatus]:
    """Return the state of every migration; raise HistoryConflict if it is not safe to continue by these rules."""
    statuses = history.statuses(files, ledger.entries(connection))
    rule: dict[MigrationState, bool] = {"newer": rules.allow_newer, "out-of-order": rules.out_of_order}
    history.refuse_conflicts(statuses, allowed=[state for state, is_allowed in rule.items() if is_allowed])
    return statuses


def refuse_foreign_lock(connection: Connection) -> None:
    """Raise if plain yoyo is at work in this database, or was killed: it does not know chatschema's lock."""
    row = postgres.execute(connection, "select pid, ctime from chatschema.yoyo_lock").fetchone()
    if row:
        raise ChatschemaError(
            f"yoyo (pid {row[0]}, since {row[1]} UTC) holds its own lock on this database",
            "wait until it finishes; if it was killed: yoyo break-lock",
            code="lock.yoyo",
        )


def refuse_collisions(connection: Connection, coming: Sequence[MigrationFile], statuses: Sequence[MigrationStatus]) -> None:
    """Raise ChatschemaError if a file in `coming` would create an object that already exists.

    Changes nothing, and needs no ledger. An interrupted file is skipped: its object may exist already.
    """
    states = {status.id: status.state for status in statuses}
    new = [file for file in coming if all(states[one.id] in _NEW for one in file.originals)]
    collisions.refuse(connection, new, is_first=all(state == "pending" for state in states.values()))
