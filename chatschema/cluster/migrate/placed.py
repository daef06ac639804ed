"""A migration with a header `-- Cluster:`: its new table is distributed right after the statement that creates it."""

import functools
import re

from chatschema.cluster import places
from chatschema.cluster.places import Place
from chatschema.cluster.tables import FIRST
from chatschema.sqlfile import SqlFile


class Placed(SqlFile):
    """The file with one more statement, on the line of another one; its checksum is that of the file itself."""

    def __init__(self, file: SqlFile, place: Place) -> None:
        super().__init__(file.path)
        self._file, self._place = file, place

    @functools.cached_property
    def content(self) -> bytes:
        """The text that is run: lines are those of the file, so that an error shows the right place."""
        return self._with_place(self._file.content)

    @functools.cached_property
    def shown(self) -> bytes:
        """The text as it may be printed, of the same length."""
        return self._with_place(self._file.shown)

    @property
    def source(self) -> str:
        """The text of the file itself."""
        return self._file.source

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return self._file.checksum

    def _with_place(self, content: bytes) -> bytes:
        found = self._file.statements
        creates = (index for index in range(len(found)) if _creates(found[index].text, self._place.table))
        end = found.ends[next(creates, len(found) - 1)]
        return content[:end] + f"; {statement(self._place)}".encode() + content[end:]


def of(file: SqlFile) -> SqlFile:
    """Return the file with the statement that distributes its table; the file itself without the header.

    The table is that of the first line: `-- polls: a question to ...`. Raises UsageError for a place that is none.
    """
    value = file.header("Cluster")
    if value is None or not file.is_transactional:
        return file
    table = f"public.{file.title.partition(':')[0].strip()}"
    wanted = [place for place in places.places({table: value}) if place.table == table]
    return Placed(file, wanted[0]) if wanted else file


def statement(place: Place) -> str:
    """Return the statement that moves a table to its place."""
    if place.column is None:
        return f"select create_reference_table('{place.table}')"
    return f"select create_distributed_table('{place.table}', '{place.column}', colocate_with => '{FIRST}')"


def _creates(text: str, table: str) -> bool:
    name = re.escape(table.removeprefix("public."))
    return (
        re.match(rf'(?is)(?:\s|--[^\n]*\n)*create\s+table\s+(?:if\s+not\s+exists\s+)?(?:public\s*\.\s*)?"?{name}"?\s*\(', text)
        is not None
    )
