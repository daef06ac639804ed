"""The migration files: finding them, ordering them, and checking that they can be run."""

import bisect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chatschema import sqlfile, statements
from chatschema.errors import ChatschemaError, UsageError
from chatschema.migration import patience
from chatschema.migration.batch import header
from chatschema.migration.online import statement as online
from chatschema.sqlfile import SqlFile
from chatschema.statements import Statement
from chatschema.values import Patience

_NAME = re.compile(r"(?P<number>\d{14})_[a-z][a-z0-9_]*")
_ROLLBACK = ".rollback.sql"
# Their names begin so: chatschema.migration.repeatable.
REPEATABLE = "R_"
# And those of files that stand for others: chatschema.migration.squash.
SQUASHED = "S_"
# chatschema runs the file in its own transaction; a file that ends it would be half applied and not recorded.
_TRANSACTION_CONTROL = re.compile(r"(?i)(begin|commit|end|rollback|abort|start\s+transaction|prepare\s+transaction)\b(?!\s+to\b)")
# A look at each statement's first word; only those are looked at closely.
_SUSPECT = re.compile(rb"(?i)(?:begin|commit|end|rollback|abort|start|prepare|copy|discard|reset)\b")
_UNLOCK = re.compile(rb"(?i)pg_advisory_unlock_all")
_COPY = re.compile(r"(?is)copy\b.*\b(?:from\s+stdin|to\s+stdout)\b")
# They release the lock or reset the settings that the run needs. In a function they are found only afterwards.
_SESSION_END = re.compile(r"(?i)(?P<statement>discard\s+all|reset\s+all)\s*$|.*\b(?P<call>pg_advisory_unlock_all)\s*\(", re.DOTALL)
_NAMELESS = re.compile(r"(?is)\s*create\s+(?:unique\s+)?index\s+concurrently\s+on\s")
COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A migration and, where there is one, its rollback."""

    id: str
    apply: SqlFile
    rollback: SqlFile | None

    @property
    def title(self) -> str:
        """The sentence of the file's first line."""
        return self.apply.title

    @property
    def originals(self) -> "tuple[MigrationFile, ...]":
        """The migrations that are applied once it has run: itself."""
        return (self,)

    @property
    def rollback_is_online(self) -> bool:
        """Whether the rollback runs as a file with `-- online: index`: that of such a file does, if it runs in a transaction."""
        if self.rollback is None:
            return False
        return self.rollback.is_online_index or (self.apply.is_online_index and self.rollback.is_transactional)


def discover(folder: Path) -> list[MigrationFile]:
    """Return the migrations of `folder`, oldest first.

    Raises ChatschemaError if the folder is missing or empty, or a file could not be run: an invalid name, a number
    used twice, a rollback without its migration, an invalid header. The statements are not read: check() reads
    those of the files that are about to run.
    """
    if not folder.is_dir():
        if folder.parent.name == folder.name:
            hint = f"did you mean: --sql-dir {folder.parent.parent}"
            raise UsageError(f"there is no folder {folder}", hint, code="migration.folder")
        raise ChatschemaError(
            f"there is no folder {folder}",
            "give the folder with migrations/: --sql-dir DIR, or sql_dir in chatschema.toml",
            code="migration.folder",
        )
    paths = {path.name: path for path in sorted(folder.iterdir()) if not path.name.startswith((".", REPEATABLE, SQUASHED))}
    names = [name for name in paths if not name.endswith(_ROLLBACK)]
    if not names:
        raise ChatschemaError(
            f"there are no migrations in {folder}",
            "create the first one: chatschema new migration create_something",
            code="migration.none",
        )
    for name in names:
        if not (name.endswith(".sql") and _NAME.fullmatch(name.removesuffix(".sql"))):
            raise ChatschemaError(
                f"{name} in {folder} is not a valid name for a migration",
                "rename it to YYYYMMDDNNNNNN_verb_object.sql, or move it elsewhere",
                code="migration.name",
            )
    _refuse_twins(names)
    for name in paths:
        if name.endswith(_ROLLBACK) and name.removesuffix(_ROLLBACK) + ".sql" not in paths:
            missing = f"{name.removesuffix(_ROLLBACK)}.sql"
            raise ChatschemaError(f"{name} has no migration", f"restore {missing}", code="migration.rollback-only")
    return [_read(paths, name.removesuffix(".sql")) for name in names]


def _refuse_twins(names: list[str]) -> None:
    numbers: dict[str, str] = {}
    for name in names:
        number = name[:14]
        if number in numbers:
            raise ChatschemaError(
                f"{numbers[number]} and {name} have the same number, so their order is not defined",
                f"rename one: git mv {name} {int(number) + 1}{name[14:]}",
                code="migration.number",
            )
        numbers[number] = name


def _read(paths: dict[str, Path], id: str) -> MigrationFile:
    rollback = paths.get(id + _ROLLBACK)
    return MigrationFile(id, sqlfile.read(paths[id + ".sql"]), SqlFile(rollback) if rollback else None)


def check(files: Iterable[MigrationFile]) -> None:
    """Raise ChatschemaError if a file could not be run, or would end the transaction that it is run in."""
    for migration in files:
        header.check(migration.apply)
        _check(migration.apply, is_online=migration.apply.is_online_index)
        if migration.rollback:
            header.refuse_rollback(migration.rollback)
            _check(migration.rollback, is_online=migration.rollback_is_online)


def check_rollbacks(files: Iterable[MigrationFile]) -> None:
    """Raise ChatschemaError when a rollback of `files` could not be run: as check() does, before anything is undone."""
    for migration in files:
        if migration.rollback:
            header.refuse_rollback(migration.rollback)
            _check(migration.rollback, is_online=migration.rollback_is_online)


def _check(file: SqlFile, *, is_online: bool) -> None:
    is_transactional, found = file.is_transactional, file.statements
    patience.of(file, Patience())
    if not found:
        raise ChatschemaError(f"{file.path.name} has no statement", "write the change, or delete the file", code="migration.empty")
    if not is_transactional and len(found) > 1:
        raise ChatschemaError(
            f"{file.path.name} is not transactional and has {len(found)} statements",
            "write one statement per file: after a failure nobody could tell which of them ran",
            code="migration.statements",
        )
    if is_online:
        online.read(file)
    unlocks = _UNLOCK.search(found.content) is not None
    if _NAMELESS.match(COMMENTS.sub(" ", found[0].text)):
        raise ChatschemaError(
            f"{file.path.name}: the index has no name, so a later run could not find it after an interruption",
            "name it: create index concurrently NAME on ...",
            excerpt(file, found[0], None),
            code="migration.index-name",
        )
    for index, start in enumerate(found.starts):
        if _SUSPECT.match(found.content, start) or (unlocks and _UNLOCK.search(found.content, start, found.ends[index])):
            _refuse(file, found[index])


def _refuse(file: SqlFile, statement: Statement) -> None:
    bare = COMMENTS.sub(" ", statement.text).strip()
    if _TRANSACTION_CONTROL.match(bare):
        word = bare.split()[0].lower()
        raise ChatschemaError(
            f"{file.path.name} line {statement.line}: {word} is not allowed in a migration",
            "chatschema runs each file in its own transaction; remove the statement",
            excerpt(file, statement, None),
            code="migration.transaction",
        )
    if _COPY.match(bare):
        raise ChatschemaError(
            f"{file.path.name} line {statement.line}: copy from stdin and to stdout are not allowed in a migration",
            "write insert statements, or a seeder",
            excerpt(file, statement, None),
            code="migration.copy",
        )
    if match := _SESSION_END.match(COMMENTS.sub(" ", statements.without_literals(statement.text.encode()).decode()).strip()):
        word = " ".join(str(match["statement"] or match["call"]).lower().split())
        raise ChatschemaError(
            f"{file.path.name} line {statement.line}: {word} is not allowed in a migration",
            "it would release the migration lock or reset the settings of the session; unlock or reset one by one instead",
            excerpt(file, statement, None),
            code="migration.unlock" if match["call"] or word.startswith("discard") else "migration.settings",
        )


def excerpt(file: SqlFile, statement: Statement, position: int | None, *, literals: bool = True) -> str:
    """Return the lines around a place in `file`, with a caret under the 1-based `position` in `statement`.

    Without `literals` they are replaced with asterisks, for a statement whose literals are the values of a row.
    """
    content = file.content
    place = statement.start + len(statement.text[: position - 1 if position else 0].encode())
    top = begin = content.rfind(b"\n", 0, place) + 1
    for _ in range(2):
        top = content.rfind(b"\n", 0, max(top - 1, 0)) + 1
    bottom = place
    for _ in range(2):
        bottom = (content.find(b"\n", bottom) + 1) or len(content)
    lines = file.shown[top:bottom].decode().removesuffix("\n").split("\n")
    printed = lines if literals else _without_literals(file, top, bottom)[-len(lines) :]
    line = line_of(statement, position)
    shown = []
    for number, text in enumerate(printed, line - content.count(b"\n", top, begin)):
        shown.append(f"{number:>5} | {text}".rstrip())
        if number == line and position:
            shown.append(f"{'':>5} | {' ' * len(content[begin:place].decode())}^")
    return "\n".join(shown)


def _without_literals(file: SqlFile, top: int, bottom: int) -> list[str]:
    """Return the lines up to `bottom`, from where a statement begins that may have a literal at `top`."""
    index = bisect.bisect_right(file.statements.ends, top)
    start = min(top, *file.statements.starts[index : index + 1])
    return statements.without_literals(file.content[start:bottom]).decode().removesuffix("\n").split("\n")


def line_of(statement: Statement, position: int | None) -> int:
    """Return the line in the file of a 1-based `position` in `statement`."""
    return statement.line + (statement.text[: position - 1].count("\n") if position else 0)


def resolve(wanted: str, ids: list[str]) -> str:
    """Return the one id that `wanted` matches: the id itself, or the only id with this prefix.

    Sequelize's spelling is understood: 20241217000001-create-users-table.js.
    Raises UsageError if none or several match, and suggests similar ids.
    """
    name = re.sub(r"\.(sql|js)$", "", wanted.strip()).replace("-", "_")
    found = [id for id in ids if id == name] or [id for id in ids if name and id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{wanted} matches {len(found)} migrations: {', '.join(found[:5])}"
        raise UsageError(message, "write more of the id", code="migration.ambiguous")
    import difflib

    near = difflib.get_close_matches(name, ids, n=3, cutoff=0.4) or [id for id in ids if name in id][:3]
    raise UsageError(
        f"there is no migration {wanted}",
        f"did you mean {' or '.join(near)}?" if near else "list them: chatschema status",
        code="migration.unknown",
    )
