"""The findings of lint in a plan: comments before each file, or a list in its document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatschema.cli import console
from chatschema.cli.lint import NO_SQUAWK, counted, note_example, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatschema.lint.values import Finding
    from chatschema.migration.files import MigrationFile
    from chatschema.postgres import Connection


@dataclass(frozen=True)
class Checked:
    """The findings in the files of a plan; None if they were not checked, with the reason in `why`. `left_out` were too large."""

    findings: Sequence[Finding] | None
    why: str = ""
    with_squawk: bool = True
    left_out: Sequence[str] = ()

    @property
    def document(self) -> list[dict[str, object]] | None:
        """The findings for --json."""
        from chatschema.lint import forms

        return None if self.findings is None else list(map(forms.document, self.findings))


def check(connection: Connection, files: list[MigrationFile], pending: Sequence[MigrationFile]) -> Checked:
    """Return the findings in the pending files."""
    if not pending:
        return Checked(())
    from chatschema.task import linting

    found, why = linting.of_plan(pending[0].apply.path.parent, files, pending, connection)
    if found is None:
        return Checked(None, why)
    return Checked(shortened(found.findings), with_squawk=found.with_squawk, left_out=found.left_out)


def print_of(file: MigrationFile, checked: Checked) -> None:
    """Print the findings in a file and in its rollback that are not ignored, as comments."""
    for one in checked.findings or ():
        name = one.file.name
        if one.because is None and name in (file.apply.path.name, file.rollback.path.name if file.rollback else ""):
            place = f"line {one.line}" if name == file.apply.path.name else f"rollback line {one.line}"
            size = f" ({one.table}: {one.weight})" if one.weight else ""
            _comment(f"lint {one.level}, {place}: {one.message}{size} [{one.rule}]")
            _comment(f"    fix: {one.fix}")


def _comment(text: str) -> None:
    # A line break would end the comment, and the rest would be run as SQL.
    console.answer(f"-- {' '.join(text.splitlines())}")


def note_counts(checked: Checked) -> None:
    """Print how many findings there are, or why the files were not checked."""
    if checked.findings is None:
        console.note(f"the files were not checked: {checked.why}")
        return
    if checked.findings:
        console.note(f"lint: {counted(checked.findings)}")
        note_example(checked.findings)
    if checked.left_out:
        console.note(f"not checked by lint, because they are large: {', '.join(checked.left_out)}")
    if not checked.with_squawk:
        console.note(NO_SQUAWK)
