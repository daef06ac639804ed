"""Rows as bytes of binary COPY: rows with the same nulls are one array of records."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from chatschema.seed.bulk.numbers import UUID

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
Kind = Literal["uuid", "time", "int", "bool", "text"]
Field = tuple[Kind, Any]
Objects: TypeAlias = Any
_TEXT_OID = 25


def field(data: bytes | None) -> bytes:
    """Return one value as a field; None is null."""
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def text_array(values: Sequence[str]) -> bytes:
    """Return a text[] as the server reads it, without its length."""
    if not values:
        return struct.pack(">iii", 0, 0, _TEXT_OID)
    return struct.pack(">iiiii", 1, 0, _TEXT_OID, len(values), 1) + b"".join(field(value.encode()) for value in values)


def jsonb(text: str) -> bytes:
    """Return a jsonb as the server reads it, without its length."""
    return b"\x01" + text.encode()


def pack(columns: int, fields: Sequence[Field]) -> Objects:
    """Return the beginnings of rows of `columns` fields: the fields that have the same size in each of them.

    A value of None is a null in all rows; a text must be the same in all. The first field has an array, a value for each row.
    """
    layout: list[tuple[str, Any]] = [("columns", ">i2")]
    for number, (kind, value) in enumerate(fields):
        layout.append((f"size{number}", ">i4"))
        if value is not None:
            width = f"V{len(value)}" if kind == "text" else {"uuid": UUID, "time": ">i8", "int": ">i4", "bool": "i1"}[kind]
            layout.append((f"value{number}", width))
    rows = np.empty(len(fields[0][1]), np.dtype(layout))
    rows["columns"] = columns
    for number, (kind, value) in enumerate(fields):
        if value is None:
            rows[f"size{number}"] = -1
            continue
        data = rows[f"value{number}"]
        rows[f"size{number}"] = data.dtype.itemsize
        rows[f"value{number}"] = np.void(value) if kind == "text" else value
    return rows.view(f"V{rows.dtype.itemsize}").astype(object)


def join(beginnings: Objects, ends: Objects) -> bytes:
    """Return rows as one piece, each of its beginning and its end."""
    both: Objects = np.empty(2 * len(beginnings), object)
    both[0::2], both[1::2] = beginnings, ends
    return b"".join(both.tolist())
