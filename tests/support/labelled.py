"""Migrations for the rules of lint: those labelled by hand in tests/lint/labelled, and the examples of the pages."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chatschema.lint import subject
from chatschema.lint.ignores import Accepted
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject
from chatschema.lint.values import Finding
from chatschema.migration import files
from chatschema.migration.files import MigrationFile
from chatschema.sqlfile import SqlFile
from chatschema.task import linting
from tests.support import ROOT

LABELLED = ROOT / "tests" / "lint" / "labelled"
HEADER = "-- object: sentence.\n-- Why: reason.\n-- Risk: none.\n-- Demo: no, a test.\n"
# Judged only where the texts are written for it.
DOCUMENTS = {"header", "comment", "index-query", "unnamed"}
_ROLLBACK = "-- rollback:\n"
_REPEATABLE = "-- repeatable file\n"


@dataclass(frozen=True)
class Case:
    """A migration as text, and what a person says about it."""

    file: str
    label: str
    words: str
    text: str

    @property
    def is_about_documents(self) -> bool:
        return self.file == "documents"


def cases() -> list[Case]:
    """Return the labelled cases."""
    found = []
    for path in sorted(LABELLED.glob("*.sql")):
        for block in path.read_text("utf-8").split("-- case: ")[1:]:
            head, _, text = block.partition("\n")
            label, _, words = head.partition(" ")
            found.append(Case(path.stem, label, words, text))
    return found


@functools.cache
def known() -> Known:
    """Return what exists after the shipped migrations and the context of the cases; computed once.

    Without row policies: beside them each new table of the cases would need its own.
    """
    found = Known()
    context = MigrationFile("20990000000000_context", SqlFile(LABELLED / "context.sql"), None)
    for migration in [*files.discover(ROOT / "sql" / "migrations"), context]:
        found = subject.read(migration, found).after
    found.others = {(kind, name) for kind, name in found.others if kind != "policy"}
    return found


def written(folder: Path, text: str, *, with_header: bool, id: str = "20990101000000_case") -> MigrationFile:
    """Write the files of a case, and return them as a migration."""
    apply, _, rollback = text.partition(_ROLLBACK)
    has_rollback = "-- no rollback\n" not in f"{apply}\n"
    path, back = folder / f"{id}.sql", folder / f"{id}.rollback.sql"
    path.write_text((HEADER if with_header else "") + apply.replace("-- no rollback\n", ""), "utf-8")
    # The rollback of a file with online: index would have to be one as well.
    back.write_text(rollback or ("-- transactional: false\nselect;\n" if "-- online:" in apply else "select;\n"), "utf-8")
    return MigrationFile(id, SqlFile(path), SqlFile(back) if has_rollback else None)


def steps(folder: Path, texts: list[str], *, with_header: bool) -> Iterator[Subject]:
    """Yield the files of an example, each on a database with those before it."""
    before = known()
    for number, text in enumerate(texts):
        migration = written(
            folder,
            f"{text.strip()}\n",
            with_header=with_header,
            id="R_example" if _REPEATABLE in text else f"2099010100000{number}_example",
        )
        one = subject.read(migration, before)
        before = one.after
        yield one


def findings(subjects: list[Subject], program: str | None, *, about_documents: bool) -> list[Finding]:
    """Return the findings in migrations that are not ignored; those about documents only if they are what it is about."""
    found = linting.of_subjects(subjects, Accepted(), program=program)
    return [one for one in found if one.because is None and (about_documents or one.rule not in DOCUMENTS)]
