"""Entries whose personal data was erased: each must be named by an entry that an erasure left."""

from collections.abc import Iterable, Iterator

from chatschema import postgres
from chatschema.audit.findings import Found
from chatschema.postgres import Connection

_ACTION = "audit.erase"
# Anybody who may add entries may add one of this kind, with anything in it.
_NAMED = f"""
    select e.id
    from public.audit_logs as a,
        jsonb_array_elements_text(
            case when jsonb_typeof(a.details -> 'ids') = 'array' then a.details -> 'ids' else '[]' end
        ) as e (id)
    where a.resource_type = 'audit_log' and a.action = '{_ACTION}' and e.id ~ '^[0-9]{{1,18}}$'
"""
_PAGE = 10_000
# How many ids share a bitmap.
_WIDTH = 4096


class Erased:
    """The ids of entries without personal data, a bit each: a trail in which millions were erased is checked in little memory."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self._bits: dict[int, int] = {}

    def add(self, ids: Iterable[int]) -> None:
        """Add ids, none of them twice."""
        for id in ids:
            page, bit = divmod(id, _WIDTH)
            self._bits[page] = self._bits.get(page, 0) | 1 << bit
            self.count += 1

    def compare(self, connection: Connection, found: Found) -> None:
        """Add to `found` the entries that no erasure names."""
        if not self.count:
            return
        with postgres.translated(), connection.cursor("named") as cursor:
            cursor.itersize = _PAGE
            cursor.execute(_NAMED)
            for (id,) in cursor:
                self._discard(int(id))
        for entry in self._left():
            text = f"entry {entry}: its personal data is gone, and no erasure names it"
            found.add("erased", text, entry=entry)

    def _discard(self, id: int) -> None:
        page, bit = divmod(id, _WIDTH)
        if page in self._bits:
            self._bits[page] &= ~(1 << bit)

    def _left(self) -> Iterator[int]:
        """Yield the ids that no erasure names, lowest first."""
        for page, bits in sorted(self._bits.items()):
            yield from (page * _WIDTH + bit for bit in range(bits.bit_length()) if bits >> bit & 1)
