"""yoyo on chatschema's connection: its steps and its bookkeeping tables, without its lock, its splitter and its commits."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import uuid1

from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration, StepBase

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.migration.author import who
from chatschema.migration.files import MigrationFile
from chatschema.postgres.pipeline import Pipeline, Refused
from chatschema.sqlfile import SqlFile
from chatschema.statements import Statement


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
        self._pipeline: Pipeline[tuple[SqlFile, Statement]] = Pipeline(connection)

    def transaction(self, rollback_on_exit: bool = False) -> AbstractContextManager[None]:  # noqa: ARG002  # yoyo's signature
        """Return a context that does nothing: committed() runs the whole migration in one transaction."""
        return nullcontext()

    @contextmanager
    def committed(self) -> Iterator[None]:
        """Run the block as one transaction, sent without waiting for each answer: see Pipeline.transaction().

        Raises StatementFailed when a statement of a file was refused, ServerError for any other.
        """
        try:
            with self._pipeline.transaction():
                yield
        except Refused as error:
            file, statement = error.label
            raise StatementFailed(file, statement, error.cause) from None

    def run(self, file: SqlFile, *, but: Statement | None = None) -> None:
        """Run the statements of a file, all `but` one; raises StatementFailed, in committed() at its end."""
        for statement in file.statements:
            if statement == but:
                continue
            if self._pipeline.is_open:
                self._pipeline.send(statement.text, (file, statement))
                continue
            try:
                postgres.execute_text(self.connection, statement.text)
            except ServerError as error:
                raise StatementFailed(file, statement, error) from None

    def reset_role(self) -> None:
        """Return to the role that logged in, whichever role a file has set: the ledger is written as that role."""
        # Two statements, as a pipeline takes one at a time.
        postgres.execute(self.connection, "reset session authorization")
        postgres.execute(self.connection, "reset role")

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """Return a row for yoyo's log."""
        username, hostname = who()
        return {
            "id": str(uuid1()),
            "migration_id": migration.id,
            "migration_hash": migration.hash,
            "username": username,
            "hostname": hostname,
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


class _Step(StepBase):  # type: ignore[misc]  # yoyo is not typed
    """All statements of the file forward, all of the rollback back: the whole migration is one transaction."""

    def __init__(self, migration: MigrationFile) -> None:
        self._migration = migration

    def apply(self, backend: Backend, force: bool = False) -> None:  # noqa: ARG002  # yoyo passes it
        """Run the file; raises StatementFailed."""
        backend.run(self._migration.apply)

    def rollback(self, backend: Backend, force: bool = False) -> None:  # noqa: ARG002  # yoyo passes it
        """Run the rollback, where there is one; raises StatementFailed."""
        if self._migration.rollback:
            backend.run(self._migration.rollback)


class YoyoMigration(Migration):  # type: ignore[misc]  # yoyo is not typed
    """yoyo's migration, with the statements split by chatschema."""

    def __init__(self, file: MigrationFile) -> None:
        super().__init__(file.id, str(file.apply.path), str(file.apply.path.parent))
        self._file = file

    def load(self) -> None:
        """Build the step."""
        self.steps = [_Step(self._file)]
        self._depends: set[Migration] = set()
