"""Learning a profile of bulk seeds from a database, of one moment of it, without writing to it."""

from dataclasses import dataclass
from pathlib import Path

from chatschema import postgres, tables
from chatschema.errors import ChatschemaError
from chatschema.partition import catalog
from chatschema.postgres import Connection
from chatschema.seed.bulk import shape
from chatschema.seed.learn import counts, files, rights, text


@dataclass(frozen=True, slots=True)
class Learned:
    """A profile that was written, and the histograms that the noise did not leave recognizable."""

    path: Path
    left_out: tuple[str, ...]


def learn(connection: Connection, folder: Path, name: str) -> Learned:
    """Write profiles/NAME.toml into the folder of the seeders, and return it.

    Raises UsageError for a name that cannot be one or is taken, and ChatschemaError where a table is missing, where the role does
    not see all rows, and where the database has too few conversations.
    """
    path = files.place(folder, name)
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        if missing := tables.missing(connection):
            raise ChatschemaError(f"table {missing[0]} does not exist", "first: chatschema migrate", code="seed.not-migrated")
        rights.refuse_blind(connection)
        found = counts.count(connection, catalog.server_now(connection))
    written, left_out = text.text(found)
    if "sizes" in left_out:
        raise ChatschemaError(
            "the database has too few conversations, so that a profile would be noise; no file was written",
            "use a database with a few hundred conversations or more, or write the profile: docs/how-to/bulk-seed.md",
            code="seed.profile-small",
        )
    # What would be refused when it is used is not written.
    shape.parse(path.stem, written.encode())
    files.write(path, written)
    return Learned(path, tuple(left_out))
