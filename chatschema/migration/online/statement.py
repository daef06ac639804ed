"""Reading a file with `-- online: index`: the one statement that creates or drops the index. Pure."""

import re
from dataclasses import dataclass

from chatschema.errors import ChatschemaError
from chatschema.sqlfile import SqlFile
from chatschema.statements import Statement

# Comments count as spaces. They are not removed first: the rest of the statement is sent as it is, with its literals.
_GAP = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_QUALIFIED = rf"{_NAME}(?:{_GAP}*\.{_GAP}*{_NAME})?"
_CREATE = re.compile(
    rf"""(?isx) {_GAP}* create {_GAP}+ (?P<unique>unique {_GAP}+)? index {_GAP}+ (?P<concurrently>concurrently {_GAP}+)?
    (?P<lenient>if {_GAP}+ not {_GAP}+ exists {_GAP}+)? (?: (?P<name>{_NAME}) {_GAP}+ )?? on {_GAP}+ (?P<only>only {_GAP}+)?
    (?P<table>{_QUALIFIED}) (?P<rest>.*)"""
)
_DROP = re.compile(
    rf"""(?isx) {_GAP}* drop {_GAP}+ index {_GAP}+ (?P<concurrently>concurrently {_GAP}+)? (?:if {_GAP}+ exists {_GAP}+)?
    (?P<name>{_QUALIFIED}) {_GAP}* (?:restrict {_GAP}*)? \Z"""
)
_COMMENT = re.compile(rf"(?is){_GAP}*comment{_GAP}+on{_GAP}")


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """A `create index`: its name and table as the file writes them, and the text after the table.

    `is_lenient`: with `if not exists`. `rest_at`: where `rest` begins in the statement, from 0.
    """

    statement: Statement
    name: str
    table: str
    rest: str
    rest_at: int
    is_unique: bool
    is_lenient: bool

    def on(self, table: str, *, concurrently: bool = False, name: str = "") -> str:
        """Return the statement for another table, a name as SQL writes it; without `name` the server chooses one."""
        words = ["create", "unique" if self.is_unique else "", "index", "concurrently" if concurrently else "", name]
        return f"{' '.join(filter(None, words))} on {table}{self.rest}"


@dataclass(frozen=True, slots=True)
class DropIndex:
    """A `drop index` of one index: its name as the file writes it."""

    statement: Statement
    name: str


def read(file: SqlFile) -> CreateIndex | DropIndex:
    """Return the statement of the index. Raises ChatschemaError if the file has another one, or a form that blocks or hides it."""
    found: list[CreateIndex | DropIndex] = []
    for statement in file.statements:
        if match := _CREATE.match(statement.text):
            _refuse_form(file, statement, match)
            found.append(
                CreateIndex(
                    statement, match["name"], match["table"], match["rest"], match.start("rest"), bool(match["unique"]),
                    bool(match["lenient"]),
                )
            )  # fmt: skip
        elif match := _DROP.match(statement.text):
            _refuse_concurrently(file, statement, match)
            found.append(DropIndex(statement, match["name"]))
        elif not _COMMENT.match(statement.text):
            raise ChatschemaError(
                f"{file.path.name} line {statement.line}: a file with online: index only creates or drops one index, and comments",
                "move the statement to another file; drop index takes one index and no cascade",
                code="online.statements",
            )
    if len(found) != 1:
        raise ChatschemaError(
            f"{file.path.name} has online: index, and {len(found) or 'no'} statements that create or drop an index",
            "write one create index or drop index a file",
            code="online.statements",
        )
    return found[0]


def _refuse_form(file: SqlFile, statement: Statement, match: re.Match[str]) -> None:
    _refuse_concurrently(file, statement, match)
    if match["name"] is None:
        raise ChatschemaError(
            f"{file.path.name} line {statement.line}: the index has no name",
            "name it: create index NAME on ...",
            code="online.form",
        )
    if match["only"]:
        raise ChatschemaError(
            f"{file.path.name} line {statement.line}: an index on only the partitioned table is never valid by itself",
            "remove only: chatschema prepares the index of each partition, and the statement joins them",
            code="online.form",
        )


def _refuse_concurrently(file: SqlFile, statement: Statement, match: re.Match[str]) -> None:
    if match["concurrently"]:
        raise ChatschemaError(
            f"{file.path.name} line {statement.line}: concurrently is not allowed in a file with online: index",
            "remove the word: chatschema builds concurrently by itself, before the file runs in its transaction",
            code="online.form",
        )
