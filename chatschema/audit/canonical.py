"""Entries of the trail as bytes: read from the server in blocks, with their hashes, in the order in which they are sealed."""

from bisect import bisect_left
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
# Where the transaction id and the id are in a record, and in a row with the hashes of the server. The transaction id is before the
# digest with its type and its length.
_IN_RECORD, _IN_HASHED = (slice(-48, -40), slice(12, 20)), (slice(6, 14), slice(18, 26))


@dataclass(frozen=True, slots=True)
class Block:
    """Some entries in order, as bytes in which `places` are the transaction id and the id, and their leaf hashes.

    `wrong`: those whose personal data does not fit the digest; `blank`: those whose personal data was erased; both by position.
    """

    rows: Sequence[bytes]
    places: tuple[slice, slice]
    leaves: list[bytes]
    wrong: list[int]
    blank: list[int]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.rows)

    @property
    def ids(self) -> list[bytes]:
        """The ids, 8 bytes each: a check of a whole trail needs hardly any of them."""
        place = self.places[1]
        return [row[place] for row in self.rows]

    def id(self, position: int) -> int:
        """Return the id of one entry."""
        return number(self.rows[position][self.places[1]])

    def txid(self, position: int) -> bytes:
        """Return the transaction id of one entry, in 8 bytes."""
        return self.rows[position][self.places[0]]

    def before(self, txid: bytes) -> int:
        """Return how many entries have a lower transaction id."""
        return bisect_left(self.rows, txid, key=lambda row: row[self.places[0]])

    def part(self, start: int, end: int) -> "Block":
        """Return the entries from `start` to before `end`."""
        if start == 0 and end == len(self):
            return self
        inside = [[i - start for i in places if start <= i < end] for places in (self.wrong, self.blank)]
        return Block(self.rows[start:end], self.places, self.leaves[start:end], *inside)


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
    # Each step once for all rows: that takes two thirds of the time of a loop over them.
    ends = [6 + int.from_bytes(row[2:6], "big") for row in rows]
    records = [row[6:end] for row, end in zip(rows, ends, strict=True)]
    digests = [sha256(row[end + 4 :]).digest() for row, end in zip(rows, ends, strict=True)]
    stored = [record[-32:] for record in records]
    wrong, blank = list[int](), list[int]()
    # What is null has the digest of nothing.
    if digests != stored or tree.EMPTY in stored:
        blank = [i for i, row in enumerate(rows) if row[ends[i] :] == _NULL]
        skipped = set(blank)
        wrong = [i for i, digest in enumerate(digests) if digest != stored[i] and i not in skipped]
    return Block(records, _IN_RECORD, [sha256(b"\x00" + record).digest() for record in records], wrong, blank)


def _hashed(rows: Sequence[bytes]) -> Block:
    """Return the block of rows with fields of fixed length: 4 bytes of length before each."""
    fits = [row[66:] for row in rows]
    return Block(
        rows,
        _IN_HASHED,
        [row[30:62] for row in rows],
        [i for i, fit in enumerate(fits) if fit == b"\x00"],
        [i for i, fit in enumerate(fits) if not fit],
    )
