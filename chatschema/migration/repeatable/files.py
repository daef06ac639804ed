"""The files R_name.sql beside the migrations: finding them, and the order in which they depend on each other."""

import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.migration.files import COMMENTS, REPEATABLE, MigrationFile
from chatschema.sqlfile import SqlFile

_NAME = re.compile(r"R_[a-z][a-z0-9_]*")
_WORD = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_CREATES = re.compile(
    rf"""(?ix) \b create \s+ (?:or\s+replace\s+)? (?:recursive\s+|materialized\s+)?
    (?:view|function|procedure|aggregate|type|domain) \s+ (?:if\s+not\s+exists\s+)? (?:{_WORD}\s*\.\s*)? (?P<name>{_WORD})"""
)
# Statements that may take away what other files have made.
_DROPS = re.compile(r"(?i)(?:^|;)\s*(?:drop|alter\b[^;]*\b(?:drop|rename)|do)\b")
# They need the ledger of the migrations, or run once.
_NOT_HERE = ("batch", "left", "wait", "online", "phase", "depends")


class Stored(SqlFile):
    """A file as it was run, from the record: the one on the disk may be another by now."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(Path(f"{name}.sql"))
        self._text = text

    @functools.cached_property
    def content(self) -> bytes:
        """The text in UTF-8."""
        return self._text.encode()


def discover(folder: Path) -> list[MigrationFile]:
    """Return the repeatable files of the folder with the migrations, in the order in which they are run.

    Raises ChatschemaError for an invalid name, a rollback, a directive that is for migrations only, and a wrong `-- after:`.
    """
    found = []
    for path in sorted(folder.glob(f"{REPEATABLE}*")):
        name = path.name.removesuffix(".sql")
        if name.endswith(".rollback"):
            text = f"{path.name}: a repeatable file has no rollback: its earlier text is in git"
            raise ChatschemaError(text, "delete the file", code="repeatable.rollback")
        if path.suffix != ".sql" or not _NAME.fullmatch(name):
            text = f"{path.name} in {folder} is not a valid name for a repeatable file"
            raise ChatschemaError(text, "rename it to R_name.sql, in lower case", code="repeatable.name")
        file = SqlFile(path)
        _check_header(file)
        found.append(MigrationFile(name, file, None))
    return ordered(found)


def _check_header(file: SqlFile) -> None:
    wrong = next((name for name in _NOT_HERE if file.header(name) is not None), None)
    if wrong is None and not file.is_transactional:
        wrong = "transactional"
    if wrong:
        text = f"{file.path.name}: {wrong} is for migrations, and a repeatable file runs in one transaction"
        raise ChatschemaError(text, "remove the line, or write a migration", code="repeatable.header")


def ordered(files: Sequence[MigrationFile]) -> list[MigrationFile]:
    """Return the files so that each is after those that it needs, otherwise by name.

    What a file needs is declared, `-- after: R_one, R_two`, or found: an object that another one creates is named in its text.
    Raises ChatschemaError for an unknown name after `after`, and for files that are declared to be after each other.
    """
    declared, found = _declared(files), _found(files)
    left, result = {file.id: file for file in files}, []
    while left:
        free = [id for id in sorted(left) if not declared[id] & left.keys()]
        if not free:
            names = ", ".join(sorted(left))
            raise ChatschemaError(
                f"each of {names} is declared to be after another one", "remove an -- after:", code="repeatable.after"
            )
        # Functions may name each other: of a circle that nobody declared the first name is first.
        first = next((id for id in free if not found[id] & left.keys()), free[0])
        result.append(left.pop(first))
    return result


def dependents(files: Sequence[MigrationFile], of: str) -> set[str]:
    """Return the files that need the file `of`, directly or through others."""
    declared, found = _declared(files), _found(files)
    result: set[str] = set()
    while new := {file.id for file in files if (declared[file.id] | found[file.id]) & {of, *result}} - result - {of}:
        result |= new
    return result


def drops(text: str) -> bool:
    """Return whether the statements of the text may drop an object that another file has made."""
    return _DROPS.search(COMMENTS.sub(" ", text)) is not None


def _declared(files: Sequence[MigrationFile]) -> dict[str, set[str]]:
    known = {file.id for file in files}
    return {file.id: set(_after(file, known)) for file in files}


def _after(file: MigrationFile, known: Collection[str]) -> Iterator[str]:
    for name in re.split(r"[\s,]+", file.apply.header("after") or ""):
        if name and name not in known:
            text = f"{file.apply.path.name}: -- after: names {name}, and there is no file {name}.sql"
            raise ChatschemaError(text, "write the names of repeatable files: -- after: R_one, R_two", code="repeatable.after")
        if name:
            yield name


def _found(files: Sequence[MigrationFile]) -> Mapping[str, set[str]]:
    texts = {file.id: COMMENTS.sub(" ", file.apply.text) for file in files}
    creates = {id: {_plain(match["name"]) for match in _CREATES.finditer(text)} for id, text in texts.items()}
    return {
        id: {
            other
            for other, names in creates.items()
            if other != id and any(re.search(rf"(?i)(?<![\w$]){re.escape(name)}(?![\w$])", text) for name in names - creates[id])
        }
        for id, text in texts.items()
    }


def _plain(name: str) -> str:
    return name.strip('"').replace('""', '"') if name.startswith('"') else name.lower()
