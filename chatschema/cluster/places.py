"""Where each table lives in a distributed database."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from chatschema import sqlfile
from chatschema.errors import UsageError

REFERENCE, LOCAL = "reference", "local"
# Tables that only a distributed database has.
OWN = frozenset(f"chatschema.{name}" for name in ("outbox", "node_holds", "direct_pairs", "list_changes", "user_conversations"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table lives: `column` is the one it is distributed by, None for a copy on every node."""

    table: str
    column: str | None

    @property
    def words(self) -> str:
        """The place as a header says it."""
        return f"by {self.column}" if self.column else REFERENCE


def places(declared: Mapping[str, str]) -> list[Place]:
    """Return the tables that leave the coordinator, reference tables first, then conversations, then the tables beside it.

    `declared` are the values of `-- Cluster:` in headers of migrations, by table. Raises UsageError for a value that is none.
    """
    known = tomllib.loads(sqlfile.text_of("cluster/places.toml"))["tables"]
    found = [Place(table, _column(table, value)) for table, value in {**known, **declared}.items() if value != LOCAL]
    return sorted(found, key=lambda place: place.column is not None)


def _column(table: str, value: str) -> str | None:
    if value == REFERENCE:
        return None
    words = value.split()
    if len(words) != 2 or words[0] != "by":
        raise UsageError(
            f"Cluster of {table} is {value!r}: neither reference, local nor by COLUMN",
            "write: -- Cluster: by conversation_id",
            code="file.header",
        )
    return words[1]
