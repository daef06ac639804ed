"""The object that a seeder works with."""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection, door, relation

if TYPE_CHECKING:
    from faker import Faker

_PIECE = 10_000
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
# Types of keys whose values Python and the server write alike.
_SAME_TEXT = frozenset({"uuid", "text", "character varying", "smallint", "integer", "bigint"})
# A number or a UUID, which needs no quotes.
_PLAIN = re.compile(r"[0-9a-f-]+")


class World:
    """The object that a seeder works with: its own random numbers, the time, and the tables.

    The same `rng` gives the same people, conversations and times of day; only salts and wrapped keys differ.
    """

    def __init__(self, connection: Connection, name: str, rng: int, now: datetime) -> None:
        self.now = now
        self.rng = rng
        self.random = random.Random(f"{rng}:{name}")
        self.rows = 0
        self.filled: set[str] = set()
        self._connection, self._name = connection, name

    @cached_property
    def fake(self) -> "Faker":
        """Faker, with this seeder's own random numbers."""
        from faker import Faker

        fake = Faker("en_US")
        fake.seed_instance(f"{self.rng}:{self._name}")
        return fake

    def ago(self, days: float) -> datetime:
        """Return the moment `days` before now, in whole milliseconds as ids have them."""
        moment = self.now - timedelta(days=days)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def uuid7(self, moment: datetime) -> UUID:
        """Return a UUIDv7 of `moment` from this seeder's random numbers (RFC 9562 section 5.7)."""
        millis = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        return UUID(int=millis << 80 | 7 << 76 | self.random.getrandbits(12) << 64 | 2 << 62 | self.random.getrandbits(62))

    def direct_id(self, low: UUID, high: UUID) -> UUID | None:
        """Return the id that the direct conversation of two users must have in a distributed database; None on one server."""
        if not door.is_distributed(self._connection):
            return None
        found: UUID = postgres.fetch_one(self._connection, "select chatschema.pair_id(%s, %s)", (low, high))[0]
        return found

    def secret(self, purpose: str, of: object) -> bytes:
        """Return 32 bytes that depend only on `rng`, `purpose` and `of`. Anyone can compute them: for demo data only."""
        return hashlib.blake2b(f"{purpose}:{of}".encode(), key=f"chatschema {self.rng}".encode(), digest_size=32).digest()

    def fetch(self, query: LiteralString) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Join chatschema.seeded_rows to see seeded rows only."""
        return postgres.fetch_all(self._connection, query)

    def reserve_ids(self, table: str, count: int) -> list[int]:
        """Return `count` numbers of the table's identity column."""
        query = "select nextval(pg_get_serial_sequence(%s, 'id')) from generate_series(1, %s)"
        return [row[0] for row in postgres.fetch_all(self._connection, query, (f"public.{table}", count))]

    def insert(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Store `rows`, all with the same columns, and record their primary keys.

        Rows that are made while they are asked for are stored while the next are made; what makes them must not use the
        database meanwhile.
        """
        rest = iter(rows)
        first = next(rest, None)
        if first is None:
            return
        columns = list(first)
        key = relation.primary_key(self._connection, table)
        names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
        copy = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier("public", table), names)
        # In pieces, so that no statement is long: each waits for this program to write its rows.
        while first is not None:
            keys = self._store(copy, chain((first,), islice(rest, _PIECE - 1)), columns, list(key))
            self._remember(table, keys)
            self.rows += len(keys)
            first = next(rest, None)
        if not _SAME_TEXT.issuperset(key.values()):
            self._as_the_server_writes(table, key)
        self.filled.add(table)

    def _store(self, copy: sql.Composed, rows: Iterable[dict[str, Any]], columns: list[str], key: list[str]) -> list[str]:
        """Store rows, and return their primary keys as elements of an array."""
        keys: list[str] = []
        with postgres.translated(), self._connection.cursor() as cursor, cursor.copy(copy) as stream:
            for row in rows:
                stream.write_row([_plain(row[column]) for column in columns])
                keys.append(",".join([_element(_text(row[column])) for column in key]))
        return keys

    def _remember(self, table: str, keys: list[str]) -> None:
        """Record primary keys as text: psycopg needs more time for an array than for the row that has this key."""
        begin = f"{_escaped(self._name)}\t{_escaped(table)}\t{{"
        copy = sql.SQL("copy chatschema.seeded_rows (seed, table_name, key) from stdin")
        with postgres.translated(), self._connection.cursor() as cursor, cursor.copy(copy) as stream:
            stream.write("".join([f"{begin}{key}}}\n" for key in keys]))

    def _as_the_server_writes(self, table: str, key: Mapping[str, str]) -> None:
        """Let the server write the recorded keys, of types whose values it writes in another way than Python, like times."""
        values = sql.SQL(", ").join(
            sql.SQL("s.key[{}]::{}::text").format(sql.Literal(place), sql.SQL(kind)) for place, kind in enumerate(key.values(), 1)
        )
        query = sql.SQL("update chatschema.seeded_rows as s set key = array[{}] where s.seed = {} and s.table_name = {}")
        postgres.execute(self._connection, query.format(values, sql.Literal(self._name), sql.Literal(table)))


def _text(value: Any) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> Any:
    """Return a value as COPY takes it. An empty list is ready text, which all rows but a few have in a column of that type."""
    if not isinstance(value, (dict, list)):
        return value
    if value == []:
        return "{}"
    from psycopg.types.json import Jsonb

    return Jsonb(value) if isinstance(value, dict) or isinstance(value[0], dict) else value


def _element(text: str) -> str:
    """Return the text as an element of an array, in the text format of COPY."""
    return text if _PLAIN.fullmatch(text) else _escaped('"' + text.replace("\\", r"\\").replace('"', r"\"") + '"')


def _escaped(text: str) -> str:
    """Return the text as the text format of COPY has it."""
    return text.translate(_ESCAPES)
