"""A migration as the rules see it."""

from dataclasses import dataclass

from chatschema.lint import syntax
from chatschema.lint.known import Known
from chatschema.lint.syntax import Parsed, Step
from chatschema.migration import heads
from chatschema.migration.batch import header
from chatschema.migration.files import REPEATABLE, MigrationFile
from chatschema.migration.heads import Need


@dataclass(frozen=True, slots=True)
class Subject:
    """A migration, its statements, those of its rollback, and the objects that exist before and after it."""

    migration: MigrationFile
    apply: Parsed
    rollback: Parsed | None
    before: Known
    after: Known

    @property
    def is_transactional(self) -> bool:
        """Whether the file runs in a transaction."""
        return self.migration.apply.is_transactional

    @property
    def is_online(self) -> bool:
        """Whether chatschema builds or drops its index without blocking writes."""
        return self.migration.apply.is_online_index

    @property
    def is_batch(self) -> bool:
        """Whether the file runs in batches."""
        return header.of(self.migration.apply) is not None

    @property
    def is_repeatable(self) -> bool:
        """Whether the file is run again whenever its text changes."""
        return self.migration.id.startswith(REPEATABLE)

    @property
    def is_contract(self) -> bool:
        """Whether the file removes what no release uses any more."""
        return self.migration.apply.is_contract


def read(migration: MigrationFile, known: Known) -> Subject:
    """Return the migration, on a database in which `known` exists."""
    before = known.next_file()
    after = known.next_file()
    apply = syntax.parse(migration.apply)
    for step in apply.steps:
        after.apply(step)
    rollback = syntax.parse(migration.rollback) if migration.rollback else None
    return Subject(migration, apply, rollback, before, after)


def needs(step: Step) -> list[Need]:
    """Return the locks on tables that a statement takes, as far as its text says."""
    return list(heads.of_statement(step.text))
