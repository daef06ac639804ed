"""The protection mark, in the database itself: no data may be dropped, and no demo data added."""

from dataclasses import dataclass
from datetime import datetime

from chatschema import audit, postgres
from chatschema.errors import Protected, UsageError
from chatschema.postgres import Connection
from chatschema.values import Settings

BY_ENVIRONMENT = "CHATSCHEMA_ENV=production"


@dataclass(frozen=True, slots=True)
class Protection:
    """The protection of a database: the reason, and when and by whom it was set."""

    reason: str
    protected_at: datetime | None
    protected_by: str | None


def read(connection: Connection, settings: Settings) -> Protection | None:
    """Return why this database is protected, or None."""
    if postgres.has_table(connection, "chatschema.protection"):
        row = postgres.execute(connection, "select reason, protected_at, protected_by from chatschema.protection").fetchone()
        if row:
            return Protection(*row)
    return Protection(BY_ENVIRONMENT, None, None) if settings.is_production else None


def refuse(connection: Connection, settings: Settings, command: str) -> None:
    """Raise Protected when the database is protected against `command`."""
    protection = read(connection, settings)
    if protection is None:
        return
    since = f", since {protection.protected_at:%Y-%m-%d} by {protection.protected_by}" if protection.protected_at else ""
    hint, code = "if you are sure that this is not production: chatschema unprotect", "protected.mark"
    if protection.protected_at is None:
        hint, code = f"this environment has {BY_ENVIRONMENT}; run the command where it is not set", "protected.environment"
    raise Protected(
        f"database {connection.info.dbname} is protected ({protection.reason}{since}): {command} is refused; nothing was changed",
        hint,
        code=code,
    )


def protect(connection: Connection, reason: str) -> bool:
    """Mark the database; return whether it was not marked before. The ledger must exist."""
    query = "insert into chatschema.protection (reason) values (%s) on conflict do nothing"
    with postgres.transaction(connection):
        is_new = postgres.execute(connection, query, (reason,)).rowcount == 1
        _audit(connection, "protection.add", is_new, reason)
    return is_new


def unprotect(connection: Connection, settings: Settings) -> bool:
    """Remove the mark; return whether there was one. Raises UsageError if the environment would set it again."""
    if settings.is_production:
        hint = "unset it first, then: chatschema unprotect"
        raise UsageError(f"{BY_ENVIRONMENT} protects this database", hint, code="protected.environment")
    if not postgres.has_table(connection, "chatschema.protection"):
        return False
    with postgres.transaction(connection):
        removed = postgres.execute(connection, "delete from chatschema.protection returning reason").fetchone()
        _audit(connection, "protection.remove", removed is not None, removed[0] if removed else "")
    return removed is not None


def _audit(connection: Connection, action: str, is_changed: bool, reason: str) -> None:
    """Add a row to the trail, where there is one: the mark itself leaves no trace once it is removed."""
    if is_changed and postgres.has_table(connection, "public.audit_logs"):
        audit.record(connection, action, "database", connection.info.dbname, reason=reason)
