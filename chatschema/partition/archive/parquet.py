"""The same rows for analysts: a Parquet file beside the CSV. Never read back; the CSV is the archive."""

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatschema.errors import UsageError
from chatschema.partition.archive import manifest
from chatschema.partition.archive.manifest import ArchiveRefused, File, Table

if TYPE_CHECKING:
    from collections.abc import Iterator


def convert(folder: Path, table: Table) -> File:
    """Write `table`'s CSV as Parquet, typed where Arrow has the type, otherwise as PostgreSQL's text; return the file.

    Raises UsageError without pyarrow, ArchiveRefused when the number of rows differs.
    """
    try:
        import pyarrow as pa
    except ImportError:
        text, hint = "--parquet needs pyarrow, which is not installed", "pip install 'chatschema[parquet]'"
        raise UsageError(text, hint, code="archive.pyarrow") from None
    kinds: dict[str, Any] = {"boolean": pa.bool_(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64()}
    path = folder / f"{table.table}.parquet"
    try:
        rows = _write(folder / table.file.name, path, table, {**kinds, "timestamp with time zone": pa.timestamp("us", "UTC")})
    except pa.ArrowInvalid:
        # Arrow has no infinity, and no time before the year 1: then times stay PostgreSQL's text.
        rows = _write(folder / table.file.name, path, table, kinds)
    if rows != table.rows:
        text = f"{path} has {rows} rows, but the database has {table.rows}"
        raise ArchiveRefused(text, "archive it again without --parquet", code="archive.parquet-rows")
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return File(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _write(source: Path, target: Path, table: Table, kinds: dict[str, Any]) -> int:
    """Write the CSV at `source` as Parquet; return how many rows."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    # Booleans are t and f in PostgreSQL's CSV; quoted texts are never null, or an empty text would become one.
    options = pyarrow.csv.ConvertOptions(
        column_types={name: kinds.get(kind, pa.string()) for name, kind in table.columns},
        true_values=["t"], false_values=["f"], null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
    )  # fmt: skip
    rows = 0
    stream = io.BufferedReader(_Stream(manifest.pieces(source)), 1 << 20)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    with (
        pyarrow.csv.open_csv(stream, convert_options=options, parse_options=parse) as reader,
        pyarrow.parquet.ParquetWriter(target, reader.schema, compression="zstd") as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


class _Stream(io.RawIOBase):
    """The pieces of a generator as a file to read from."""

    def __init__(self, pieces: "Iterator[bytes]") -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            try:
                self._left = next(self._pieces)
            except StopIteration:
                return 0
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
