"""Entries whose personal data was erased: each must be named by an entry that an erasure left."""

from array import array
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Erased:
    """The ids of entries without personal data, 8 bytes each."""

    blank: "array[int]" = field(default_factory=lambda: array("q"))

    def compare(self, connection: Connection, found: Found) -> None:
        """Add to `found` the entries that no erasure names."""
        if not self.blank:
            return
        left = set(self.blank)
        with postgres.translated(), connection.cursor("named") as cursor:
            cursor.itersize = _PAGE
            cursor.execute(_NAMED)
            for (id,) in cursor:
                left.discard(int(id))
        for entry in sorted(left):
            text = f"entry {entry}: its personal data is gone, and no erasure names it"
            found.add("erased", text, entry=entry)
