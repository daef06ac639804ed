"""The object that a seeder works with."""

import hashlib
import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection, relation

if TYPE_CHECKING:
    from faker import Faker

_LINES = 10_000
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
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

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Store `rows`, all with the same columns, and record their primary keys."""
        if not rows:
            return
        columns = list(rows[0])
        key = relation.primary_key(self._connection, table)
        names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
        copy = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier("public", table), names)
        with postgres.translated(), self._connection.cursor() as cursor, cursor.copy(copy) as stream:
            for row in rows:
                stream.write_row([_plain(row[column]) for column in columns])
        self._remember(table, rows, list(key))
        self.rows += len(rows)
        self.filled.add(table)

    def _remember(self, table: str, rows: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
        """Record the primary keys of rows, as text: psycopg needs more time for an array than for the row that has this key."""
        begin = f"{_escaped(self._name)}\t{_escaped(table)}\t{{"
        lines = (begin + ",".join([_element(str(row[column])) for column in key]) + "}\n" for row in rows)
        copy = sql.SQL("copy chatschema.seeded_rows (seed, table_name, key) from stdin")
        with postgres.translated(), self._connection.cursor() as cursor, cursor.copy(copy) as stream:
            while piece := "".join(islice(lines, _LINES)):
                stream.write(piece)


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
