"""yoyo, on our connection: its steps and its bookkeeping tables, without its lock, its splitter and its commits."""

import getpass
import socket
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any
from uuid import uuid1

from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration, StepBase

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.migration.files import MigrationFile
from chatschema.sqlfile import SqlFile, Statement


class StatementFailed(Exception):
    """Which statement of which file the server refused."""

    def __init__(self, file: SqlFile, statement: Statement, cause: ServerError) -> None:
        super().__init__(str(cause))
        self.file, self.statement, self.cause = file, statement, cause


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo is not typed
    """yoyo's backend over an open connection that already holds the migration lock."""

    # Qualified, so that a search_path set in a migration cannot send the marks elsewhere.
    migration_table_quoted = "chatschema._yoyo_migration"
    log_table_quoted = "chatschema._yoyo_log"
    version_table_quoted = "chatschema._yoyo_version"
    lock_table_quoted = "chatschema.yoyo_lock"

    def __init__(self, connection: postgres.Connection) -> None:
        # Not calling yoyo's: it would connect, probe with DDL and create its tables outside of any lock.
        self.uri = None
        self._connection = connection
        self.DatabaseError = self.driver.DatabaseError
        self.migration_table = "_yoyo_migration"
        self.has_transactional_ddl = True
        self._internal_schema_updated = True

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """Return a row for yoyo's log; the host's short name, as looking up the long one may wait for DNS."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = "unknown"  # a container's user id without a name
        return {
            "id": str(uuid1()),
            "migration_id": migration.id,
            "migration_hash": migration.hash,
            "username": user,
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


class _Step(StepBase):  # type: ignore[misc]  # yoyo is not typed
    """One statement forward, one back; no savepoint around it, as the whole migration is one transaction."""

    def __init__(self, migration: MigrationFile, apply: Statement | None, rollback: Statement | None) -> None:
        self._migration, self._apply, self._rollback = migration, apply, rollback

    def apply(self, backend: Backend, force: bool = False) -> None:  # noqa: ARG002  # yoyo passes it
        """Run the statement; raises StatementFailed."""
        self._run(backend, self._migration.apply, self._apply)

    def rollback(self, backend: Backend, force: bool = False) -> None:  # noqa: ARG002  # yoyo passes it
        """Run the rollback's statement; raises StatementFailed."""
        self._run(backend, self._migration.rollback, self._rollback)

    def _run(self, backend: Backend, file: SqlFile | None, statement: Statement | None) -> None:
        if file is None or statement is None:
            return
        try:
            postgres.execute_text(backend.connection, statement.text)
        except ServerError as error:
            raise StatementFailed(file, statement, error) from None


class YoyoMigration(Migration):  # type: ignore[misc]  # yoyo is not typed
    """yoyo's migration, its statements split by us."""

    def __init__(self, file: MigrationFile) -> None:
        super().__init__(file.id, str(file.apply.path), str(file.apply.path.parent))
        self._file = file

    def load(self) -> None:
        """Build the steps; yoyo runs them backwards to roll back, so the rollback's order is turned."""
        rollback = self._file.rollback.statements if self._file.rollback else ()
        pairs = zip_longest(self._file.apply.statements, reversed(rollback))
        self.steps = [_Step(self._file, forward, back) for forward, back in pairs]
        self._depends: set[Migration] = set()
