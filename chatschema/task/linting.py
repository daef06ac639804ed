"""Linting: the files, the database that they find, and the findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatschema.errors import ChatschemaError, UsageError
from chatschema.lint import book, ignores, squawk, subject, syntax, weight
from chatschema.lint.ignores import Accepted, Ignore
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject
from chatschema.lint.values import Finding, Hit, Name
from chatschema.lint.weight import Weight
from chatschema.migration import files as migration_files
from chatschema.migration import history, ledger, variables
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable import files as repeatable
from chatschema.migration.repeatable import record as repeatables
from chatschema.nodes import text
from chatschema.postgres import Connection
from chatschema.sqlfile import SqlFile

RULES = {**book.RULES, **squawk.RULES}
_ROLLBACK = ".rollback.sql"
# A plan is read at once: a file of inserts is parsed at about 1.5 MB a second.
_LARGEST = 4_000_000


@dataclass(frozen=True, slots=True)
class Linted:
    """The findings, the number of migrations that were read, and whether squawk read them as well.

    `left_out` are files of a plan that are too large to be read for it.
    """

    findings: tuple[Finding, ...]
    files: int
    with_squawk: bool
    left_out: tuple[str, ...] = ()


def lint(folder: Path, wanted: Sequence[Path], connection: Connection | None = None, *, only_pending: bool = False) -> Linted:
    """Return the findings in migrations: those of `wanted`, or all of the folder, or with `only_pending` those not yet applied.

    With a connection the size and the traffic of the live tables decide the levels.
    Raises UsageError without the parser, for a file that does not exist and for a wrong lint.toml.
    """
    syntax.require_parser()
    groups = _groups(folder, wanted)
    program = squawk.program()
    findings: list[Finding] = []
    count = 0
    for place, (files, chosen) in groups.items():
        is_open = _pending(files, connection) if only_pending and connection else chosen
        subjects = _subjects(files, chosen & is_open)
        count += len(subjects)
        accepted = ignores.accepted(place, list(RULES))
        findings += of_subjects(subjects, accepted, connection, program)
        if not wanted and not only_pending:
            findings += _unused(place, accepted)
    return Linted(tuple(findings), count, program is not None)


def of_plan(
    folder: Path, files: list[MigrationFile], pending: Sequence[MigrationFile], connection: Connection
) -> tuple[Linted | None, str]:
    """Return the findings in the pending files of a plan; or None, and why they were not checked: a plan does without."""
    try:
        syntax.require_parser()
        program = squawk.program()
        files = [*files, *(file for file in pending if file.id.startswith(migration_files.REPEATABLE))]
        large = {file.id for file in files if file.apply.path.stat().st_size > _LARGEST}
        chosen = {file.id for file in pending} - large
        subjects = _subjects([file for file in files if file.id not in large], chosen)
        found = of_subjects(subjects, ignores.accepted(folder, list(RULES)), connection, program)
    except ChatschemaError as error:
        return None, error.message + (f": {error.hint}" if error.hint else "")
    left_out = tuple(file.id for file in pending if file.id in large)
    return Linted(tuple(found), len(chosen), program is not None, left_out), ""


def _groups(folder: Path, wanted: Sequence[Path]) -> dict[Path, tuple[list[MigrationFile], set[str]]]:
    """Return by folder the migrations, and the ids of those to lint."""
    if not wanted:
        files = [*migration_files.discover(folder), *repeatable.discover(folder)]
        return {folder: (files, {file.id for file in files})}
    found: dict[Path, tuple[list[MigrationFile], set[str]]] = {}
    for path in wanted:
        if not path.is_file():
            raise UsageError(f"there is no file {path}", "name migrations, or leave the names out to lint all", code="lint.no-file")
        if path.parent not in found:
            is_own = path.parent.resolve() == folder.resolve()
            own = [*migration_files.discover(path.parent), *repeatable.discover(path.parent)] if is_own else []
            found[path.parent] = (own or _strangers(path.parent), set())
        found[path.parent][1].add(path.name.removesuffix(_ROLLBACK).removesuffix(".sql"))
    return found


def _strangers(folder: Path) -> list[MigrationFile]:
    """Return the SQL files of any other folder, in the order of their names."""
    paths = {path.name: path for path in sorted(folder.glob("*.sql"))}
    return [
        MigrationFile(name.removesuffix(".sql"), SqlFile(path), SqlFile(back) if back else None)
        for name, path in paths.items()
        if not name.endswith(_ROLLBACK) and not name.startswith(migration_files.SQUASHED)
        for back in [paths.get(name.removesuffix(".sql") + _ROLLBACK)]
    ]


def _pending(files: list[MigrationFile], connection: Connection) -> set[str]:
    versioned = [file for file in files if not file.id.startswith(migration_files.REPEATABLE)]
    others = [file for file in files if file.id.startswith(migration_files.REPEATABLE)]
    states = history.statuses(versioned, ledger.entries(connection))
    due = repeatables.due(others, repeatables.read(connection))
    return {one.id for one in states if one.applied_at is None} | {file.id for file in due}


def _subjects(files: list[MigrationFile], chosen: set[str]) -> list[Subject]:
    """Return the chosen migrations, each on a database with all files before it."""
    known, found = Known(), []
    for file in variables.for_reading(files):
        one = subject.read(file, known)
        known = one.after
        if file.id in chosen:
            found.append(one)
    return found


def of_subjects(
    subjects: Sequence[Subject], accepted: Accepted, connection: Connection | None = None, program: str | None = None
) -> list[Finding]:
    """Return the findings in migrations; `program` is squawk, None to leave it out."""
    # The parser of squawk does not know {batch}.
    foreign = (
        squawk.hits(program, [one.migration.apply.path for one in subjects if not one.is_batch]) if program and subjects else {}
    )
    hits = [(one, [*book.hits(one), *foreign.get(one.migration.apply.path, [])]) for one in subjects]
    tables = {hit.table for _, found in hits for hit in found if hit.table}
    weights = weight.read(connection, tables) if connection else {}
    return [finding for one, found in hits for finding in _of_migration(one, found, accepted, weights)]


def _of_migration(one: Subject, hits: list[Hit], accepted: Accepted, weights: dict[Name, Weight]) -> list[Finding]:
    found = []
    for file, is_rollback in ((one.migration.apply, False), (one.migration.rollback, True)):
        if file is None:
            continue
        own, wrong = ignores.read(file, list(RULES))
        for hit in [*(hit for hit in hits if hit.is_rollback == is_rollback), *wrong]:
            if hit.rule not in accepted.off:
                because = _because(hit, own) or accepted.reason(one.migration.id, hit.rule)
                found.append(_finding(hit, file.path, because, weights))
        for ignore in own:
            if not ignore.is_used:
                text = f"the comment ignores {ignore.rule}, which finds nothing here"
                found.append(_finding(Hit("unused-ignore", ignore.line, text, "remove the comment"), file.path, None, weights))
    return found


def _because(hit: Hit, own: list[Ignore]) -> str | None:
    for ignore in own:
        if ignore.rule == hit.rule and ignore.first <= hit.line <= ignore.last:
            ignore.is_used = True
            return ignore.because
    return None


def _finding(hit: Hit, path: Path, because: str | None, weights: dict[Name, Weight]) -> Finding:
    live = weights.get(hit.table) if hit.table else None
    rule = RULES[hit.rule]
    return Finding(
        hit.rule, weight.level(rule, live), path, hit.line, hit.message, hit.fix, text(hit.table) if hit.table else None,
        because, str(live) if live and rule.cost else None,
    )  # fmt: skip


def _unused(folder: Path, accepted: Accepted) -> list[Finding]:
    path = folder.parent / ignores.FILE
    return [
        _finding(Hit("unused-ignore", 1, f"{pattern} has nothing that {rule} finds", "remove the entry"), path, None, {})
        for number, (pattern, rule, _) in enumerate(accepted.entries)
        if number not in accepted.used
    ]
