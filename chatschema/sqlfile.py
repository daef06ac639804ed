"""Reading .sql files: the header, the statements, the checksum, and partition DDL filled with names and values."""

import codecs
import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString

from chatschema import assets, statements
from chatschema.errors import ChatschemaError
from chatschema.statements import Statements

if TYPE_CHECKING:
    from psycopg import sql

_DIRECTIVE = re.compile(r"--[ \t]*(transactional|depends)[ \t]*:(.*)", re.IGNORECASE)
_PHASE = re.compile(r"--[ \t]*phase[ \t]*:(.*)", re.IGNORECASE)
_ONLINE = re.compile(r"--[ \t]*online[ \t]*:(.*)", re.IGNORECASE)
_PIECE = 1 << 20
_ABOUT_ROWS = frozenset({b"insert", b"update", b"delete"})


class SqlFile:
    """A file: its header, its statements and its checksum, each read when it is needed.

    Every property raises ChatschemaError if the file cannot be read, is not UTF-8 text, or has an invalid header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @functools.cached_property
    def content(self) -> bytes:
        """The text in UTF-8; without a byte order mark, and with LF instead of CRLF."""
        try:
            content = self.path.read_bytes().removeprefix(codecs.BOM_UTF8)
        except OSError as error:
            raise ChatschemaError(f"{self.path.name} cannot be read: {error.strerror}", code="file.unreadable") from None
        read = 0
        try:
            for piece in _pieces(content):
                piece.decode()
                read += len(piece)
        except UnicodeDecodeError as error:
            message = f"{self.path.name} is not UTF-8 text: {error.reason} at byte {read + error.start}"
            raise ChatschemaError(message, "save the file as UTF-8", code="file.encoding") from None
        if b"\0" in content:
            message = f"{self.path.name} has a NUL byte, at which the server would stop reading"
            raise ChatschemaError(message, "save the file as UTF-8", code="file.encoding")
        return content.replace(b"\r\n", b"\n")

    @property
    def text(self) -> str:
        """The whole text."""
        return self.content.decode()

    @functools.cached_property
    def statements(self) -> Statements:
        """The statements, found by reading all of the file."""
        return Statements(self.content)

    @property
    def shown(self) -> bytes:
        """The text as it may be printed, of the same length: without values that are secrets."""
        return self.content

    @property
    def source(self) -> str:
        """The text of the file, in which variables have no value."""
        return self.text

    @functools.cached_property
    def ddl(self) -> str:
        """The text without statements on rows: of a file with a million of them little is left."""
        found = self.statements
        is_about_rows = (self.content[start : start + 6].lower() in _ABOUT_ROWS for start in found.starts)
        places = zip(found.starts, found.ends, is_about_rows, strict=True)
        return "\n".join(self.content[start:end].decode() for start, end, rows in places if not rows)

    @functools.cached_property
    def _header(self) -> list[str]:
        """The lines before the one on which the first statement begins."""
        start = statements.first(self.content)
        end = start if start == len(self.content) else self.content.rfind(b"\n", 0, start) + 1
        return self.content[:end].decode().split("\n")

    @property
    def title(self) -> str:
        """The sentence of the first line: `-- object: sentence`."""
        first = self._header[0].strip()
        return first.removeprefix("--").strip() if first.startswith("--") else ""

    @functools.cached_property
    def is_transactional(self) -> bool:
        """Whether the file runs in a transaction: not with `-- transactional: false` in its header."""
        is_transactional = True
        for line in self._header:
            if not (match := _DIRECTIVE.match(line.strip())):
                continue
            name, value = match.group(1).lower(), match.group(2).strip().lower()
            if name == "depends":
                hint = "remove the line: migrations run in the order of their file names"
                raise ChatschemaError(f"{self.path.name}: depends is not supported", hint, code="file.header")
            if value not in ("true", "false"):
                message = f"{self.path.name}: transactional is {value!r}, neither true nor false"
                raise ChatschemaError(message, "write: -- transactional: false", code="file.header")
            is_transactional = value == "true"
        return is_transactional

    def header(self, name: str) -> str | None:
        """Return the value of the last line `-- name: value` in the header, None if there is no such line."""
        found = re.findall(rf"(?im)^[ \t]*--[ \t]*{re.escape(name)}[ \t]*:(.*)$", "\n".join(self._header))
        return found[-1].strip() if found else None

    @functools.cached_property
    def is_contract(self) -> bool:
        """Whether the file removes what an earlier release of the application uses: with `-- phase: contract` in its header."""
        values = [match.group(1).strip().lower() for line in self._header if (match := _PHASE.match(line.strip()))]
        if other := next((value for value in values if value not in ("expand", "contract")), None):
            message = f"{self.path.name}: phase is {other!r}, neither expand nor contract"
            raise ChatschemaError(message, "write: -- phase: expand, or: -- phase: contract", code="file.header")
        return values[-1:] == ["contract"]

    @functools.cached_property
    def is_online_index(self) -> bool:
        """Whether chatschema builds or drops its index without blocking writes: with `-- online: index` in its header."""
        values = [match.group(1).strip().lower() for line in self._header if (match := _ONLINE.match(line.strip()))]
        if other := next((value for value in values if value != "index"), None):
            message = f"{self.path.name}: online is {other!r}, and only index is known"
            raise ChatschemaError(message, "write: -- online: index", code="file.header")
        if values and not self.is_transactional:
            message = f"{self.path.name} has both transactional: false and online: index"
            hint = "remove the line transactional: false: the file runs in its transaction, after the index was prepared"
            raise ChatschemaError(message, hint, code="file.header")
        return bool(values)

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the text, the same for CRLF and LF, with and without trailing blanks."""
        digest = hashlib.sha256()
        separator, blank = "", 0
        for piece in _pieces(self.content):
            for line in piece.decode().splitlines():
                # Empty lines count only where another line follows.
                if text := line.rstrip():
                    digest.update((separator + "\n" * blank + text).encode())
                    separator, blank = "\n", 0
                else:
                    blank += 1
        return digest.hexdigest()


def read(path: Path) -> SqlFile:
    """Return the file at `path`, with its header checked.

    Raises ChatschemaError if it is not UTF-8 text, or has an unknown directive in its header.
    """
    file = SqlFile(path)
    _ = file.is_transactional, file.is_online_index, file.is_contract
    return file


def _pieces(content: bytes) -> Iterator[bytes]:
    """Yield a text in pieces of whole lines: decoding all of a large one takes up to four times its size."""
    begin = 0
    while begin < len(content):
        end = content.find(b"\n", begin + _PIECE) + 1 or len(content)
        yield content[begin:end]
        begin = end


@functools.cache
def text_of(place: str | Path) -> LiteralString:
    """Return the text of a file of chatschema's own SQL, by its place in sql/: it is part of the product, not input.

    A path is that of a report, also of the user's own: the user wrote it and runs it.
    """
    return (place if isinstance(place, Path) else assets.sql_dir() / place).read_text("utf-8")


def fill(place: str | Path, **values: "sql.Composable") -> "sql.Composed":
    """Return the statement at `place` with its {placeholders} filled by psycopg's quoting."""
    from psycopg import sql

    return sql.SQL(text_of(place)).format(**values)
