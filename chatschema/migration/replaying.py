"""Running applied files again in a scratch database: many of them in one transaction, as nobody else works there.

What `migrate` does around each file costs twenty round trips: its locks, its marks, its record, its settings. A scratch database
needs none of that. A file that could tell the difference runs alone, as `migrate` runs it; and so does each file of a group that
failed.
"""

import re
from collections.abc import Iterator, Sequence

from chatschema.errors import ServerError
from chatschema.migration import runner
from chatschema.migration.backend import Backend, StatementFailed
from chatschema.migration.batch import header
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.postgres import Connection
from chatschema.structure import recording

# More would hold more locks at once than a server has room for by default.
_TOGETHER = 50
_SMALL = 100_000
# Statements that leave nothing behind in the session, and whose result can be used in the same transaction.
_CALM = re.compile(
    r"""(?ix) \s* (?:
        create \s+ (?!temp|local|global|database|role|user|tablespace|subscription)
        | alter \s+ (?:table|index|view|materialized|function|procedure|sequence|trigger|policy) \b
        | drop \s+ (?!owned|database|role|user|tablespace|subscription)
        | (?:comment|grant|revoke|insert|update|delete) \b
    )"""
)
_SETS = re.compile(r"(?i)\bset_config\b|\badvisory\b")


def run(connection: Connection, files: Sequence[MigrationFile]) -> None:
    """Run the files in this order. The caller holds the migration lock of the scratch database.

    Raises MigrationFailed and ServerError, as `migrate` does.
    """
    backend = Backend(connection)
    unrecorded = recording.Run(lambda _: None, is_recorded=False)
    for group in _groups(files):
        if len(group) > 1 and _run_together(backend, group):
            continue
        for _ in runner.migrate(connection, group, unrecorded, say=lambda _: None):
            pass


def _run_together(backend: Backend, group: Sequence[MigrationFile]) -> bool:
    """Run the files in one transaction; return False, with nothing changed, if one of them was refused."""
    try:
        with backend.committed():
            for file in group:
                backend.run(file.apply)
    except (StatementFailed, ServerError):
        return False
    return True


def _groups(files: Sequence[MigrationFile]) -> Iterator[list[MigrationFile]]:
    group: list[MigrationFile] = []
    for file in files:
        is_calm = _is_calm(file)
        if group and (not is_calm or len(group) == _TOGETHER):
            yield group
            group = []
        if is_calm:
            group.append(file)
        else:
            yield [file]
    if group:
        yield group


def _is_calm(file: MigrationFile) -> bool:
    text = file.apply
    if not text.is_transactional or text.is_online_index or header.of(text) or len(text.content) > _SMALL:
        return False
    return not _SETS.search(text.text) and all(_CALM.match(COMMENTS.sub(" ", one.text)) for one in text.statements)
