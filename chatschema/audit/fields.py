"""An entry as a person reads it, and as the bytes that are hashed: one from the other."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chatschema.audit.canonical import FIELDS

# Of each field: its type, as in pg_type, and how it is written.
_INT8, _TEXT, _UUID, _TIME, _XID8, _BYTEA = 20, 25, 2950, 1184, 5069, 17
_TYPES = (_INT8, _UUID, _TEXT, _TEXT, _TEXT, _TEXT, _UUID, _TEXT, _TIME, _TIME, _TEXT, _XID8, _BYTEA)
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Value = str | int | None


def split(record: bytes) -> list[bytes | None]:
    """Return the fields of a record, as PostgreSQL sends a row."""
    (count,), at, found = struct.unpack_from("!i", record), 4, list[bytes | None]()
    for _ in range(count):
        (length,) = struct.unpack_from("!i", record, at + 4)
        at += 8
        found.append(None if length < 0 else record[at : at + length])
        at += max(length, 0)
    return found


def decode(record: bytes) -> dict[str, Value]:
    """Return the fields of an entry by name, in order."""
    return {name: _value(type, raw) for name, type, raw in zip(FIELDS, _TYPES, split(record), strict=True)}


def encode(values: dict[str, Any]) -> bytes:
    """Return the bytes that are hashed. Raises ValueError, KeyError or TypeError for values that are none of an entry."""
    parts = [struct.pack("!i", len(FIELDS))]
    for name, type in zip(FIELDS, _TYPES, strict=True):
        raw = None if values[name] is None else _raw(type, values[name])
        parts.append(struct.pack("!ii", type, -1 if raw is None else len(raw)) + (raw or b""))
    return b"".join(parts)


def _value(type: int, raw: bytes | None) -> Value:
    if raw is None:
        return None
    if type == _TEXT:
        return raw.decode()
    if type == _UUID:
        return str(UUID(bytes=raw))
    if type == _BYTEA:
        return raw.hex()
    number = int.from_bytes(raw, "big", signed=type != _XID8)
    return _moment(number) if type == _TIME else number


def _raw(type: int, value: Any) -> bytes:
    if type == _TEXT:
        return str(value).encode()
    if type == _UUID:
        return UUID(value).bytes
    if type == _BYTEA:
        return bytes.fromhex(value)
    if type == _TIME and isinstance(value, str):
        value = (datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) - _ZERO) // _MICROSECOND
    return int(value).to_bytes(8, "big", signed=type != _XID8)


def _moment(microseconds: int) -> Value:
    """Return a time as text; as its number, where a year has not four digits, or it is infinite."""
    try:
        moment = _ZERO + timedelta(microseconds=microseconds)
    except OverflowError:
        return microseconds
    return microseconds if moment.year < 1000 else f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
