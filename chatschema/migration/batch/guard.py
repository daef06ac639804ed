"""Later files and the batches that run on: a file may not touch their table before they are done."""

from collections.abc import Sequence

from chatschema.errors import Busy
from chatschema.migration.batch import engine, header, record, subject
from chatschema.migration.files import MigrationFile
from chatschema.migration.values import MigrationStatus
from chatschema.postgres import Connection


def is_needed(statuses: Sequence[MigrationStatus], pending: Sequence[MigrationFile]) -> bool:
    """Return whether batches run on after `migrate`, or will: those of a file with `-- wait: no`."""
    if any(status.state == "running" for status in statuses):
        return True
    return any((found := header.of(file.apply)) is not None and not found.waits for file in pending)


def refuse(connection: Connection, file: MigrationFile) -> None:
    """Raise Busy if the file names a table whose rows are still changed in batches by an earlier file."""
    for batch in record.unfinished(connection):
        table = batch.table.rpartition(".")[2]
        if batch.migration < file.id and subject.names(file, table):
            raise Busy(
                f"{file.id} names {batch.table}, whose rows {batch.migration} still changes in batches; it was not started",
                f"finish them first: {engine.command(batch)}; then: chatschema migrate",
                code="batch.running",
            )
