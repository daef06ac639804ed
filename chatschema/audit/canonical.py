"""Entries of the trail as bytes: read from the server in blocks, with their hashes, in the order in which they are sealed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from psycopg import sql

from chatschema import postgres
from chatschema.audit import tree
from chatschema.postgres import Connection

# What is hashed of an entry; a further column is a further format. The digest stands for the personal data.
FIELDS = (
    "id", "user_id", "action", "resource_type", "resource_id", "severity", "session_id", "request_id", "created_at", "recorded_at",
    "recorded_by", "txid", "pii_digest",
)  # fmt: skip
_RECORD = sql.SQL("row({})").format(sql.SQL(", ").join(sql.SQL("a.{}").format(sql.Identifier(field)) for field in FIELDS))
# What pii_digest is the SHA-256 of. Text that the server makes: programs write some addresses in another way.
PERSONAL = sql.SQL("""
    a.pii_salt || convert_to(
        coalesce(
            octet_length(host(a.ip_address) || '/' || masklen(a.ip_address)) || ':' || host(a.ip_address) || '/'
                || masklen(a.ip_address),
            '-'
        )
            || ';' || coalesce(octet_length(a.user_agent) || ':' || a.user_agent, '-')
            || ';' || coalesce(octet_length(a.details::text) || ':' || a.details::text, '-'),
        'UTF8'
    )
""")
_ORDER = sql.SQL("from public.audit_logs as a where {} order by a.txid, a.id")
_INPUT = sql.SQL("copy (select {record}, {personal} {order}) to stdout (format binary)")
_HASHED = sql.SQL("""
    copy (
        select a.txid, a.id, sha256('\\x00'::bytea || record_send({record})), sha256({personal}) = a.pii_digest {order}
    ) to stdout (format binary)
""")
_HEADER, _TRAILER = 19, b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
# Where the transaction id is, from the end: before the digest with its type and its length.
_TXID = slice(-48, -40)


@dataclass(frozen=True, slots=True)
class Block:
    """Some entries in order: their transaction ids and ids, 8 bytes each, and leaf hashes.

    `wrong`: those whose personal data does not fit the digest; `blank`: those whose personal data was erased; both by position.
    """

    txids: list[bytes]
    ids: list[bytes]
    leaves: list[bytes]
    wrong: list[int]
    blank: list[int]

    def part(self, start: int, end: int) -> "Block":
        """Return the entries from `start` to before `end`."""
        if start == 0 and end == len(self.ids):
            return self
        inside = [[i - start for i in places if start <= i < end] for places in (self.wrong, self.blank)]
        return Block(self.txids[start:end], self.ids[start:end], self.leaves[start:end], *inside)


def number(eight: bytes) -> int:
    """Return the id in 8 bytes."""
    return int.from_bytes(eight, "big", signed=True)


def blocks(connection: Connection, where: sql.Composable, *, quick: bool = False) -> Iterator[Block]:
    """Yield the entries that satisfy `where`, in which the table is `a`, in blocks; hashed by the server if `quick`.

    Raises ServerError.
    """
    order = _ORDER.format(where)
    query = (_HASHED if quick else _INPUT).format(record=_RECORD, personal=PERSONAL, order=order)
    made = _hashed if quick else _block
    for rows in _rows(connection, query):
        yield made(rows)


def entries(connection: Connection, where: sql.Composable, parts: sql.Composable) -> Iterator[list[tuple[bytes, bytes | None]]]:
    """Yield lists of entries: the bytes of the record, and those of the expression `parts`. Raises ServerError."""
    query = _INPUT.format(record=_RECORD, personal=parts, order=_ORDER.format(where))
    for rows in _rows(connection, query):
        yield [_pair(row) for row in rows]


def _rows(connection: Connection, query: sql.Composed) -> Iterator[list[bytes]]:
    """Yield the rows of a binary COPY in lists of up to a block, each with the 2 bytes of its number of fields."""
    with postgres.translated(), connection.cursor() as cursor, cursor.copy(query) as copy:
        rows: list[bytes] = []
        header = _HEADER
        for data in copy:
            row = bytes(data)
            if header:
                row, header = row[header:], 0
            if len(row) <= len(_TRAILER):
                continue
            rows.append(row)
            if len(rows) == tree.BLOCK:
                yield rows
                rows = []
        if rows:
            yield rows


def _pair(row: bytes) -> tuple[bytes, bytes | None]:
    end = 6 + int.from_bytes(row[2:6], "big")
    return row[6:end], None if row[end : end + 4] == _NULL else row[end + 4 :]


def _block(rows: Sequence[bytes]) -> Block:
    records, digests, blank = list[bytes](), list[bytes](), list[int]()
    for row in rows:
        end = 6 + int.from_bytes(row[2:6], "big")
        record = row[6:end]
        records.append(record)
        if row[end : end + 4] == _NULL:
            blank.append(len(digests))
            digests.append(record[-32:])
        else:
            digests.append(sha256(row[end + 4 :]).digest())
    stored = [record[-32:] for record in records]
    wrong = [] if digests == stored else [i for i, (one, other) in enumerate(zip(digests, stored, strict=True)) if one != other]
    return Block(
        [record[_TXID] for record in records],
        [record[12:20] for record in records],
        [sha256(b"\x00" + record).digest() for record in records],
        wrong,
        blank,
    )


def _hashed(rows: Sequence[bytes]) -> Block:
    """Return the block of rows with fields of fixed length: 4 bytes of length before each."""
    fits = [row[66:] for row in rows]
    return Block(
        [row[6:14] for row in rows],
        [row[18:26] for row in rows],
        [row[30:62] for row in rows],
        [i for i, fit in enumerate(fits) if fit == b"\x00"],
        [i for i, fit in enumerate(fits) if not fit],
    )
