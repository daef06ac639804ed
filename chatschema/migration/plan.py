"""What a run would do, and whether it may: without yoyo, which is loaded only by a run that has something to do."""

from collections.abc import Sequence

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration import collisions, history, ledger
from chatschema.migration.files import MigrationFile
from chatschema.migration.values import MigrationStatus
from chatschema.postgres import Connection


def pending(files: list[MigrationFile], statuses: Sequence[MigrationStatus], to: str | None) -> list[MigrationFile]:
    """Return the migrations to apply, oldest first, up to and including `to`; none when `to` is applied already."""
    wanted = {s.id for s in statuses if s.state == "pending" or (s.state == "interrupted" and s.applied_at is None)}
    return [file for file in files if file.id in wanted and (to is None or file.id <= to)]


def check_history(files: list[MigrationFile], connection: Connection) -> list[MigrationStatus]:
    """Return where every migration stands; raise HistoryConflict when going on would be wrong."""
    statuses = history.statuses(files, ledger.entries(connection))
    history.refuse_conflicts(statuses)
    return statuses


def refuse_foreign_lock(connection: Connection) -> None:
    """Raise when a stock yoyo is at work, or was killed, in this database: it does not know our lock."""
    row = postgres.execute(connection, "select pid, ctime from chatschema.yoyo_lock").fetchone()
    if row:
        raise ChatschemaError(
            f"a stock yoyo (pid {row[0]}, since {row[1]} UTC) holds its lock here",
            "let it end; if it was killed: yoyo break-lock",
        )


def refuse_collisions(connection: Connection, coming: Sequence[MigrationFile], statuses: Sequence[MigrationStatus]) -> None:
    """Raise ChatschemaError when a file that is `coming` would create what another has made already.

    Changes nothing, and needs no ledger. A file that was cut off is left out: what it creates may be there.
    """
    states = {status.id: status.state for status in statuses}
    new = [file for file in coming if states[file.id] == "pending"]
    collisions.refuse(connection, new, is_first=all(state == "pending" for state in states.values()))
