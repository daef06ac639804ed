"""Settings of a database or a role that change what a statement means, and under which every command must do the same."""

from tests.support.database import Database

# Each is legal, and each broke something once, or would.
SETTINGS = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "datestyle": "German, DMY",
    "intervalstyle": "iso_8601",
    "timezone": "Pacific/Kiritimati",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "xmloption": "document",
    "quote_all_identifiers": "on",
    "client_encoding": "LATIN1",
    "search_path": "nowhere",
    "row_security": "off",
    "lock_timeout": "1ms",
    "statement_timeout": "1h",
    "idle_in_transaction_session_timeout": "1h",
    "synchronous_commit": "off",
    "client_min_messages": "error",
    "exit_on_error": "on",
    "plpgsql.variable_conflict": "use_variable",
    "plpgsql.extra_errors": "all",
    "session_replication_role": "replica",
}


def make_hostile(database: Database, settings: dict[str, str] = SETTINGS, *, role: str | None = None) -> None:
    """Set all of them for the database, or for a role in it."""
    whom = f"role {role} in database {database.name}" if role else f"database {database.name}"
    with database.server.connect("postgres") as admin:
        for name, value in settings.items():
            admin.execute(f"alter {whom} set {name} = '{value}'".encode())
