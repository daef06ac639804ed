"""Reading .sql files: statements with their lines, the header, and partition DDL filled with names and values."""

import codecs
import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString

from chatschema.errors import ChatschemaError

if TYPE_CHECKING:
    from psycopg import sql

# The lexical structure of PostgreSQL (its manual, section 4.1), as far as it decides where a statement ends.
_TOKEN = re.compile(
    r"""
      (?P<line_comment> --[^\n]* )
    | (?P<block_comment> /\* )
    | (?P<escape_string> (?<![A-Za-z0-9_$\x80-\U0010ffff]) [eE]'(?:[^'\\]|\\.|'')*' )
    | (?P<string> '(?:[^']|'')*' )
    | (?P<quoted_name> "(?:[^"]|"")*" )
    | (?P<dollar> (?<![A-Za-z0-9_$\x80-\U0010ffff]) \$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$ )
    | (?P<word> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
    | (?P<sign> [;()] )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_DIRECTIVE = re.compile(r"--[ \t]*(transactional|depends)[ \t]*:(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file: its text without the semicolon, and the 1-based line it begins on."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class SqlFile:
    """A file's statements and what its header says."""

    path: Path
    text: str
    title: str
    statements: tuple[Statement, ...]
    is_transactional: bool

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, the same for CRLF and LF, with and without trailing blanks."""
        lines = (line.rstrip() for line in self.text.rstrip().splitlines())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read(path: Path) -> SqlFile:
    """Return the file at `path`; a byte order mark and CRLF are read over.

    Raises ChatschemaError when it is not UTF-8 text, or its header has a directive that is not understood.
    """
    try:
        text = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ChatschemaError(f"{path.name} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise ChatschemaError(f"{path.name} cannot be read: {error.strerror}") from None
    if "\0" in text:
        raise ChatschemaError(f"{path.name} has a NUL byte, at which the server would stop reading")
    statements = tuple(split(text))
    header = text.split("\n", max(statements[0].line - 1, 0) if statements else -1)
    return SqlFile(path, text, _title(header), statements, _is_transactional(path, header))


def split(text: str) -> Iterator[Statement]:
    """Yield the statements of `text`. Comments between statements belong to none."""
    start: int | None = None
    depth = atomic = position = 0
    first_word = previous = ""
    for kind, word, begin, end in _tokens(text):
        # Signs that are no token of ours, such as numbers and operators, are still a part of a statement.
        gap = text[position:begin]
        if start is None and gap.strip():
            start = position + len(gap) - len(gap.lstrip())
        position = end
        if kind == "comment":
            continue
        if start is None and word != ";":
            start, first_word, previous = begin, word, ""
        depth = max(depth + _NESTING.get(word, 0), 0)
        if word == ";" and not depth and not atomic:
            if start is not None:
                yield _statement(text, start, begin)
            start, first_word = None, ""
        elif kind == "word":
            atomic = _atomic_depth(atomic, first_word, previous, word)
        previous = word
    rest = text[position:]
    if start is None and rest.strip():
        start = position
    if start is not None:
        yield _statement(text, start, len(text))


def without_literals(text: str) -> str:
    """Return SQL with an asterisk for each character of its literals; lines and columns stay where they are."""
    pieces, position = [], 0
    for kind, _, begin, end in _tokens(text):
        if kind in ("string", "escape_string", "dollar"):
            pieces += [text[position:begin], re.sub(r"[^\n]", "*", text[begin:end])]
            position = end
    return "".join([*pieces, text[position:]])


_NESTING = {"(": 1, ")": -1}


def _tokens(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Yield kind, lower-case text, begin and end of what decides where a statement ends."""
    position = 0
    while match := _TOKEN.search(text, position):
        position = _end_of(text, match)
        kind = str(match.lastgroup)
        yield "comment" if kind.endswith("comment") else kind, match.group().lower(), match.start(), position


def _atomic_depth(depth: int, first_word: str, previous: str, word: str) -> int:
    """Count the nesting of a SQL-standard function body, where semicolons do not end the statement."""
    if first_word != "create":
        return 0
    if (word == "atomic" and previous == "begin") or (depth and word == "case" and previous != "end"):
        return depth + 1
    return depth - 1 if depth and word == "end" else depth


def _end_of(text: str, match: re.Match[str]) -> int:
    if match.lastgroup == "dollar":
        end = text.find(match.group(), match.end())
        return len(text) if end < 0 else end + len(match.group())
    if match.lastgroup != "block_comment":
        return match.end()
    depth, position = 1, match.end()
    while depth and (edge := _BLOCK_EDGE.search(text, position)):
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position if not depth else len(text)


def _statement(text: str, start: int, end: int) -> Statement:
    body = text[start:end].rstrip()
    lead = len(body) - len(body.lstrip())
    return Statement(body.lstrip(), text.count("\n", 0, start + lead) + 1)


def _title(header: list[str]) -> str:
    """Return the sentence of the first line: `-- object: sentence`."""
    first = header[0].strip() if header else ""
    return first.removeprefix("--").strip() if first.startswith("--") else ""


def _is_transactional(path: Path, header: list[str]) -> bool:
    is_transactional = True
    for line in header:
        if not (match := _DIRECTIVE.match(line.strip())):
            continue
        name, value = match.group(1).lower(), match.group(2).strip().lower()
        if name == "depends":
            raise ChatschemaError(f"{path.name}: depends is not supported", "the order is that of the file names")
        if value not in ("true", "false"):
            raise ChatschemaError(f"{path.name}: transactional is {value!r}, neither true nor false")
        is_transactional = value == "true"
    return is_transactional


@functools.cache
def text_of(path: Path) -> LiteralString:
    """Return the text of one of our own SQL files, vouched for: it is a part of the product, not input."""
    return path.read_text("utf-8")


def fill(path: Path, **values: "sql.Composable") -> "sql.Composed":
    """Return the statement at `path` with its {placeholders} filled by psycopg's quoting."""
    from psycopg import sql

    return sql.SQL(text_of(path)).format(**values)
