"""The two phases of a change: expand files add what a new release needs, contract files remove what an old one used.

A contract file may be applied after files with higher numbers. That leads to the same schema as long as those name none of its
tables and change none of its functions, types or indexes, so these decide; what a file names is read from its text.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chatschema import statements
from chatschema.errors import ChatschemaError, UsageError
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.sqlfile import SqlFile

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_QUALIFIED = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
# Where a name is that of a table or a view. The bodies of functions and DO blocks are searched as well.
_AS_TABLE = re.compile(
    rf"""(?ix) \b(?:
        table \s+ (?:if\s+(?:not\s+)?exists\s+)? (?:only\s+)? | view \s+ (?:if\s+(?:not\s+)?exists\s+)?
        | (?:(?:insert|merge)\s+into|references|truncate|partition\s+of) \s+ (?:only\s+)?
        | (?<!for\s)(?<!on\s)update \s+ (?:only\s+)?
        | (?:index|trigger|policy|rule) \s+ (?:(?!\bon\b)[^;])*? \b on \s+ (?:only\s+)?
        | on \s+ constraint \s+ {_NAME} \s+ on \s+ | rename \s+ to \s+
    ) (?P<name>{_QUALIFIED})"""
)
_FROM = re.compile(rf"(?i)\b(?:(?<!distinct\s)from|join)\s+(?:only\s+)?(?P<name>{_QUALIFIED})(?!\s*[.(]|[\w$])")
_COLUMN = re.compile(rf"(?i)\bcolumn\s+(?P<name>{_NAME}\s*\.\s*{_NAME})\s*\.\s*{_NAME}\s+is\b")
_KINDS = "function|procedure|routine|aggregate|type|domain|sequence|schema|extension|index"
# Two files that replace or drop the same one depend on their order as well; a trigger that executes a function does not.
_OBJECT = re.compile(
    rf"""(?ix) \b(?: create (?:\s+or\s+replace)? (?:\s+unique)? | alter | drop ) \s+
    (?:{_KINDS}) (?:\s+concurrently)? \s+
    (?:if\s+(?:not\s+)?exists\s+)? (?P<name>{_QUALIFIED})"""
)
_LIST = re.compile(
    rf"""(?ix) \b(?:drop\s+(?:(?:materialized\s+)?view|(?:foreign\s+)?table|{_KINDS}) (?:\s+concurrently)?
    | (?:truncate|lock)(?:\s+table)?) \s+ (?:if\s+exists\s+)? (?P<names>[^;]*)"""
)
_MONTH = re.compile(r"_y\d{4}m\d\d$")
_INSERT = re.compile(rf"(?i)\s*insert\s+into\s+(?P<name>{_QUALIFIED})")
# Words that follow one of those above in another sense.
_WORDS = frozenset({"select", "set", "on", "values", "lateral", "unnest", "stdin", "of", "public", "conflict", "as", "at"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that names a table of a contract file before it."""

    file: MigrationFile
    table: str


def is_expand(phase: str | None) -> bool:
    """Return whether the option --phase holds contract files back. Raises UsageError for a value that it does not have."""
    if phase not in (None, "expand"):
        raise UsageError(
            f"there is no phase {phase}",
            "--phase expand holds back the files with -- phase: contract; to apply these as well, leave --phase out",
            code="usage.phase",
        )
    return phase is not None


def without_contract(files: Sequence[MigrationFile]) -> list[MigrationFile]:
    """Return the files that `migrate --phase expand` applies.

    Raises ChatschemaError if one names a table of a file before it that is held back: applied in the other order they could fail,
    or lead to another schema.
    """
    kept = [file for file in files if not file.apply.is_contract]
    for held in files:
        if held.apply.is_contract and (found := conflict(held, kept)):
            raise ChatschemaError(
                f"{found.file.id} names {found.table}, as {held.id} before it does, which --phase expand holds back;"
                " no migration was run",
                f"apply the contract file first: chatschema migrate --to {held.id}; or give it a higher number",
                code="migration.phase",
            )
    return kept


def conflict(contract: MigrationFile, files: Iterable[MigrationFile]) -> Conflict | None:
    """Return the first of `files` after a contract file that names one of its tables; None if they may run before it."""
    later = [file for file in files if file.id > contract.id]
    own = tables(contract.apply) if later else frozenset()
    return next((Conflict(file, min(shared)) for file in later if (shared := own & tables(file.apply))), None)


def is_reached(contract: MigrationFile, unapplied: Iterable[MigrationFile]) -> bool:
    """Return whether all files before a contract file are applied, other than contract files."""
    return all(file.apply.is_contract for file in unapplied if file.id < contract.id)


def tables(file: SqlFile) -> frozenset[str]:
    """Return the tables and views that the statements of a file name, and the other objects that they create, alter or drop.

    Without their schemas: those of an object that moves differ.
    """
    found: set[str] = set()
    for start, end in zip(file.statements.starts, file.statements.ends, strict=True):
        piece = file.content[start:end]
        if piece[:6].lower() == b"insert" and b"select" not in piece.lower():
            # A file may have a million of them.
            match = _INSERT.match(piece[:300].decode(errors="ignore"))
            found |= {_plain(match["name"])} if match else set()
            continue
        text = COMMENTS.sub(" ", _without_strings(piece))
        patterns = (_AS_TABLE, _FROM, _COLUMN, _OBJECT)
        found |= {_plain(match["name"]) for pattern in patterns for match in pattern.finditer(text)}
        found |= {_plain(name[1]) for match in _LIST.finditer(text) for name in _listed(match["names"])}
    # What is done to a month depends on what is done to its table.
    return frozenset(_MONTH.sub("", name) for name in found - _WORDS if not name.startswith("pg_"))


def _listed(names: str) -> list[re.Match[str]]:
    """Return the names of a list; those of functions have arguments."""
    found = (re.match(rf"(?i)\s*(?:only\s+)?({_QUALIFIED})", one) for one in re.sub(r"\([^()]*\)", "", names).split(","))
    return [match for match in found if match]


def _without_strings(piece: bytes) -> str:
    """Return a statement without its literals; the body of a function stays, as it names tables."""
    return re.sub(r"'(?:[^']|'')*'", "''", piece.decode()) if b"$" in piece else statements.without_literals(piece).decode()


def _plain(name: str) -> str:
    """Return the last part of a name, as PostgreSQL stores it."""
    last: str = re.findall(_NAME, name)[-1]
    return last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()
