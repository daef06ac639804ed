"""Messages that are erased last: a run that was killed still has their content to search for copies of it."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.privacy.erase import rule
from chatschema.privacy.subject import Subject

# Each one is searched for in every column: a few, as a sample of what another program may have copied.
MOST = 3
# The end of a ciphertext is its own; the beginning may be a header that others share.
_END = 48
# A shorter value stands in other bytes by chance.
_SHORT = 12
_READ = sql.SQL("""
    select m.id, m.content_encrypted, m.edit_history from {table} as m
    where {is_meant} and (m.content_encrypted is not null or m.edit_history <> '[]')
    order by m.id desc limit {most}
""")


@dataclass(frozen=True, slots=True)
class Witness:
    """Messages of one table, in the order of their ids, and the ends of what they contain."""

    table: sql.Composable
    changed: sql.Composable
    ids: tuple[UUID, ...]
    contents: tuple[bytes, ...]


def read(connection: Connection, subject: Subject, tables: Sequence[tuple[sql.Composable, sql.Composable]]) -> list[Witness]:
    """Return the newest messages of the subject, at most MOST, in tables given newest last, each with that to change it through."""
    found: list[Witness] = []
    for table, changed in reversed(tables):
        most = MOST - sum(len(one.ids) for one in found)
        if not most:
            break
        query = _READ.format(table=table, is_meant=rule.messages(subject), most=sql.Literal(most))
        rows = postgres.fetch_all(connection, query)
        if rows:
            contents = {part[-_END:] for _, content, history in rows for part in _parts(content, history)}
            found.append(Witness(table, changed, tuple(sorted(row[0] for row in rows)), tuple(sorted(contents))))
    return found


def _parts(content: bytes | None, history: Any) -> Iterator[bytes]:
    """Yield the content of a message and of its earlier versions, which are base64 or hex somewhere in the history."""
    yield from (part for part in (bytes(content or b""), *_decoded(history)) if len(part) >= _SHORT)


def _decoded(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _decoded(one)
    elif isinstance(value, str):
        try:
            yield bytes.fromhex(value.removeprefix("\\x"))
        except ValueError:
            try:
                yield base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                return
