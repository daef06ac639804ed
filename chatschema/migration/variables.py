"""Variables: {{name}} in a file with the header `-- variables: name as identifier, other as literal`.

The value is quoted here, as the header says. The checksum is that of the file, so it is the same in every database. Literals may be
secrets: they are masked wherever the text of the file is shown, and in the server's messages.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from chatschema import redact, statements
from chatschema.config.variables import NAME, PREFIX
from chatschema.errors import ChatschemaError
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.sqlfile import SqlFile

Kind = Literal["identifier", "literal"]
_MARK = re.compile(r"\{\{\s*(?P<name>\w+)\s*\}\}")
_DECLARED = re.compile(r"(?P<name>\w+)\s+as\s+(?P<kind>identifier|literal)", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_EXAMPLE = "write: -- variables: name as identifier, other as literal"
# The server cuts a longer name off.
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the text: `shown` is as long as `text`, and has no value of a literal."""

    text: str
    shown: str


class Filled(SqlFile):
    """A file with the values of its variables; its checksum is that of the file itself."""

    def __init__(self, file: SqlFile, values: Mapping[str, str]) -> None:
        super().__init__(file.path)
        self.file = file
        self._pieces = list(_pieces(file, values))

    @functools.cached_property
    def content(self) -> bytes:
        """The text that is run."""
        return "".join(piece.text for piece in self._pieces).encode()

    @functools.cached_property
    def shown(self) -> bytes:
        """The text with asterisks in place of literals, of the same length."""
        return "".join(piece.shown for piece in self._pieces).encode()

    @property
    def source(self) -> str:
        """The text of the file itself."""
        return self.file.text

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return self.file.checksum


def filled(files: Sequence[MigrationFile], values: Mapping[str, str]) -> list[MigrationFile]:
    """Return the files with the values of their variables. Raises ChatschemaError for a value that is missing or cannot be one."""
    return [_filled(file, values) for file in files]


def for_reading(files: Sequence[MigrationFile]) -> list[MigrationFile]:
    """Return the files with each variable's own name as its value, for a look at their statements; wrong ones as they are."""
    found = []
    for one in files:
        file = replace(one, apply=one.apply.file) if isinstance(one.apply, Filled) else one
        try:
            names = [name for text in (file.apply, file.rollback) if text for name in _declared(text)]
            found.append(_filled(file, {name: name for name in names}))
        except ChatschemaError:
            found.append(file)
    return found


def _filled(file: MigrationFile, values: Mapping[str, str]) -> MigrationFile:
    back = file.rollback
    return replace(
        file,
        apply=Filled(file.apply, values) if _declared(file.apply) else file.apply,
        rollback=Filled(back, values) if back and _declared(back) else back,
    )


def _declared(file: SqlFile) -> dict[str, Kind]:
    """Return the variables of the header, none without one. Raises ChatschemaError for a line that is not as it should be."""
    line = file.header("variables")
    if line is None or isinstance(file, Filled):
        return {}
    found: dict[str, Kind] = {}
    for part in line.split(","):
        match = _DECLARED.fullmatch(part.strip())
        if match is None or not NAME.fullmatch(match["name"]):
            text = f"{file.path.name}: variables: {part.strip()!r} is not a name in lower case with its kind"
            raise ChatschemaError(text, _EXAMPLE, code="variables.header")
        found[match["name"]] = "identifier" if match["kind"].lower() == "identifier" else "literal"
    if file.header("batch") is not None:
        text = f"{file.path.name} has both variables and batch: the statement of a batch is recorded in the database"
        raise ChatschemaError(text, "write the values in the file", code="variables.header")
    return found


def _pieces(file: SqlFile, values: Mapping[str, str]) -> Iterator[_Piece]:
    kinds, text = _declared(file), file.text
    masked = statements.without_literals(text.encode()).decode()
    comments = [match.span() for match in COMMENTS.finditer(masked)]
    names = [match.span() for match in _QUOTED.finditer(masked)]
    copied = 0
    for match in _MARK.finditer(text):
        start, end = match.span()
        if any(first <= start < last for first, last in comments):
            continue
        where = f"{file.path.name} line {text.count(chr(10), 0, start) + 1}: {match.group()}"
        name = match["name"]
        if name not in kinds:
            text_ = f"{where} is not in the header of the file"
            raise ChatschemaError(text_, f"add it: -- variables: {name} as identifier, or as literal", code="variables.unknown")
        if masked[start:end] != match.group() or any(first < start < last for first, last in names):
            text_ = f"{where} is inside a literal, a quoted name or the body of a function, where a quoted value cannot be"
            raise ChatschemaError(
                text_, "write it without quotes, and build texts outside: 'a' || {{name}}", code="variables.place"
            )
        yield _Piece(text[copied:start], text[copied:start])
        yield _piece(where, name, kinds[name], values)
        copied = end
    yield _Piece(text[copied:], text[copied:])


def _piece(where: str, name: str, kind: Kind, values: Mapping[str, str]) -> _Piece:
    if name not in values:
        hint = f"set it: export {PREFIX}{name.upper()}=..., or {name} under [variables] in chatschema.toml"
        raise ChatschemaError(f"{where} has no value", hint, code="variables.missing")
    value = values[name]
    if "\0" in value:
        raise ChatschemaError(f"{where}: the value has a NUL byte", "give another value", code="variables.value")
    if kind == "identifier":
        if not value or len(value.encode()) > _LONGEST_NAME:
            text = f"{where}: a name has 1 to {_LONGEST_NAME} bytes, and the value has {len(value.encode())}"
            raise ChatschemaError(text, "give another value", code="variables.value")
        quoted = '"' + value.replace('"', '""') + '"'
        return _Piece(quoted, quoted)
    # Sessions are pinned to standard_conforming_strings, so a backslash is one.
    inside = value.replace("'", "''")
    # A syntax error shows the text as it is in the statement, any other error the value.
    for spelling in (value, inside):
        redact.remember(spelling)
    quoted = f"'{inside}'"
    return _Piece(quoted, "'" + "*" * (len(quoted.encode()) - 2) + "'")
