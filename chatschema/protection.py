"""A mark in the database itself that says: nothing here may be dropped or made up."""

from dataclasses import dataclass
from datetime import datetime

from chatschema import postgres
from chatschema.errors import Protected, UsageError
from chatschema.postgres import Connection
from chatschema.values import Settings

BY_ENVIRONMENT = "CHATSCHEMA_ENV=production"


@dataclass(frozen=True, slots=True)
class Protection:
    """Why a database is protected."""

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
    hint = "if you are sure this is not production: chatschema unprotect"
    if protection.protected_at is None:
        hint = f"this environment says {BY_ENVIRONMENT}; run the command where it does not"
    raise Protected(
        f"database {connection.info.dbname} is protected ({protection.reason}{since}): {command} is refused; nothing was changed",
        hint,
    )


def protect(connection: Connection, reason: str) -> bool:
    """Mark the database; return whether it was not marked yet. The ledger must be there."""
    query = "insert into chatschema.protection (reason) values (%s) on conflict do nothing"
    return postgres.execute(connection, query, (reason,)).rowcount == 1


def unprotect(connection: Connection, settings: Settings) -> bool:
    """Remove the mark; return whether there was one. Raises UsageError where the environment would set it again."""
    if settings.is_production:
        raise UsageError(f"{BY_ENVIRONMENT} protects this database", "unset it first, then: chatschema unprotect")
    if not postgres.has_table(connection, "chatschema.protection"):
        return False
    return postgres.execute(connection, "delete from chatschema.protection").rowcount == 1
