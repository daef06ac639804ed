"""The header of a file that runs in batches, and its statement, in which {batch} stands for the bounds of a batch."""

import functools
import re
from dataclasses import dataclass

from chatschema import statements
from chatschema.errors import ChatschemaError
from chatschema.sqlfile import SqlFile

MARK, DETACHED = "{batch}", "{table}"
_NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_BATCH = re.compile(rf"(?P<table>(?:{_NAME}\.)?{_NAME})(?:\s+as\s+(?P<alias>{_NAME}))?\s+by\s+(?P<key>{_NAME})")
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_SUBQUERY = re.compile(r"(?i)(?:\bin\s*|\bany\s*|\barray\s*)\(\s*(?=select\b)")
_LIMIT = re.compile(r"(?i)\blimit\b|\bfetch\s+(?:first|next)\b")
_TARGET = re.compile(
    rf"(?is)\s*(?:update|delete\s+from)\s+(?:only\s+)?(?P<table>(?:{_NAME}\s*\.\s*)?(?P<name>{_NAME}))(?:\s+(?P<next>as\b|{_NAME}))?"
)
_EXAMPLE = "write: -- batch: public.messages by id"


@dataclass(frozen=True, slots=True)
class Header:
    """The lines of the header. `left`: the condition that undone rows meet; `waits`: whether `migrate` waits for the batches."""

    table: str
    alias: str | None
    key: str
    left: str | None
    waits: bool


def of(file: SqlFile) -> Header | None:
    """Return the header of a file that runs in batches, None for any other. Raises ChatschemaError for one that cannot be read."""
    text = file.header("batch")
    if text is None:
        return None
    if (match := _BATCH.fullmatch(text)) is None:
        if file.title == f"batch: {text}":
            return None  # a sentence about an object of this name
        raise _invalid(file, f"batch is {text!r}, and not TABLE by KEY", _EXAMPLE)
    wait = (file.header("wait") or "yes").lower()
    if wait not in ("yes", "no"):
        raise _invalid(file, f"wait is {wait!r}, neither yes nor no", "write: -- wait: no")
    left = file.header("left")
    if left is not None and (not left or ";" in left or _COMMENTS.search(left)):
        raise _invalid(file, f"left is {left!r}, which is no condition", "write one on a single line: -- left: touched = 0")
    if not file.is_transactional:
        raise _invalid(file, "batch and transactional: false exclude each other", "remove one: each batch is a transaction")
    return Header(match["table"], match["alias"], plain(match["key"]), left, wait == "yes")


def _invalid(file: SqlFile, text: str, hint: str) -> ChatschemaError:
    return ChatschemaError(f"{file.path.name}: {text}", hint, code="batch.header")


def plain(name: str) -> str:
    """Return a name as PostgreSQL stores it: quoted as it is, unquoted in lower case."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def check(file: SqlFile) -> None:
    """Raise ChatschemaError if the file is to run in batches and its statement cannot be run in batches."""
    header = of(file)
    if header is None:
        return
    name, found = file.path.name, file.statements
    if len(found) != 1:
        text = f"{name} runs in batches and has {len(found)} statements"
        raise ChatschemaError(text, "write one statement per file: each batch runs it once", code="batch.statements")
    statement = found[0].text
    if _picks_rows(statement, header.table):
        raise ChatschemaError(
            f"{name} line {found[0].line}: a subquery with a limit picks the rows, which reads every month in each batch",
            f"write {MARK} in place of the subquery: chatschema fills in the bounds of a batch, for which one month is read",
            code="batch.limit",
        )
    if not _places(statement):
        raise ChatschemaError(
            f"{name} line {found[0].line}: the statement has no {MARK}, so each batch would change the whole table",
            f"write {MARK} where the condition belongs: update {header.table} set ... where {MARK}",
            code="batch.placeholder",
        )


def refuse_rollback(file: SqlFile) -> None:
    """Raise ChatschemaError if a rollback is to run in batches: it runs in one transaction, together with its record."""
    if of(file) is not None:
        raise ChatschemaError(
            f"{file.path.name} has the line batch, and a rollback does not run in batches",
            "remove the line, and write the statement without {batch}; or undo the change by a new migration that runs in batches",
            code="batch.rollback",
        )


def _masked(statement: str) -> str:
    """Return the statement with blanks for the characters of comments, and asterisks for those of literals."""
    bare = statements.without_literals(statement.encode()).decode()
    return _COMMENTS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), bare)


def _places(statement: str) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(MARK), _masked(statement))]


def _picks_rows(statement: str, table: str) -> bool:
    """Return whether a subquery on the table itself has a limit: the way in which batches are written without {batch}."""
    bare = _masked(statement)
    name = re.compile(rf"(?i)(?<![\w$]){re.escape(plain(table.rpartition('.')[2]))}(?![\w$])")
    for match in _SUBQUERY.finditer(bare):
        inside = bare[match.end() : _closing(bare, match.end())]
        if _LIMIT.search(inside) and name.search(inside):
            return True
    return False


def _closing(text: str, position: int) -> int:
    """Return the place of the parenthesis that closes the one before `position`."""
    depth = 1
    for match in re.compile(r"[()]").finditer(text, position):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return match.start()
    return len(text)


def filled(statement: str, condition: str) -> str:
    """Return the statement with the condition in place of each {batch}."""
    for place in reversed(_places(statement)):
        statement = statement[:place] + condition + statement[place + len(MARK) :]
    return statement


def detached(statement: str, header: Header) -> str | None:
    """Return the statement for a month that is not attached, {table} standing for its name; it does the rows that are left.

    None without `left`, and if the statement changes another table than the one whose rows it reads.
    """
    match = _TARGET.match(_masked(statement))
    if header.left is None or match is None or plain(match["name"]) != plain(header.table.rpartition(".")[2]):
        return None
    # Without a name of its own the table is named by its columns' qualifiers.
    alias = "" if (match["next"] or "set").lower() not in ("set", "using", "where") else f" as {match['name']}"
    start, end = match.span("table")
    rest = filled(statement[end:], f"({header.left})")
    return f"{statement[:start]}{DETACHED}{alias}{rest}"


class Whole(SqlFile):
    """The file with `true` in place of {batch}, for a table without rows; its checksum is that of the file itself."""

    def __init__(self, file: SqlFile) -> None:
        super().__init__(file.path)
        self._file = file

    @functools.cached_property
    def content(self) -> bytes:
        """The text; lines and columns are those of the file, so that an error shows the right place."""
        found = self._file.statements[0]
        start, end = found.start, found.start + len(found.text.encode())
        text = self._file.content
        return text[:start] + filled(found.text, "true".ljust(len(MARK))).encode() + text[end:]

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return self._file.checksum
