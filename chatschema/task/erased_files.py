"""Files that chatschema wrote and that still have data of an erased subject: exports, and statistics of reports."""

import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.privacy.erase.search import Left
from chatschema.privacy.subject import Subject
from chatschema.retention import files
from chatschema.retention.files import Found
from chatschema.values import Settings

_HOLD = """
    select exists (
        select from chatschema.holds
        where id = %(hold)s
            and case %(kind)s when 'user' then user_id = %(id)s when 'conversation' then conversation_id = %(id)s end
    )
"""


def left(connection: Connection, settings: Settings, subject: Subject, words: Sequence[str]) -> Iterator[Left]:
    """Yield the exports of the subject, and the statistics that have one of the words, in the folders that are configured."""
    for one in files.exports(connection, settings.retention.export_dirs):
        if _is_of(connection, one, subject):
            yield Left(f"export {one.path}", 1)
    for one in files.snapshots(connection, settings.retention.snapshot_dirs):
        if words and (count := _count(one.path, words)):
            yield Left(f"statistics {one.path}", count)


def _is_of(connection: Connection, one: Found, subject: Subject) -> bool:
    if one.hold is None:
        return one.subject == subject.id
    values = {"hold": one.hold, "kind": subject.kind, "id": subject.id}
    return bool(postgres.fetch_one(connection, _HOLD, values)[0])


def _count(path: Path, words: Sequence[str]) -> int:
    """Return how often the words stand in a file, which is read where it is."""
    any_word = "|".join(re.escape(word) for word in words)
    pattern = re.compile(rf"(?i)(?<![a-z0-9_.-])(?:{any_word})(?![a-z0-9_-])".encode())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return sum(1 for _ in pattern.finditer(content))
