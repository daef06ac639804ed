"""Resetting: the database is dropped and created again, as a clone of a migrated template if the role may create databases."""

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from chatschema import assets, hold, ownership, postgres, protection, sqlfile
from chatschema.database import catalog, contents, copying, kept, objects, swap
from chatschema.database import template as templates
from chatschema.database.catalog import Target
from chatschema.errors import CannotConnect, ChatschemaError
from chatschema.migration import files as migration_files
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Connection, Say, door, locks
from chatschema.structure import comparison
from chatschema.task import granting, migrating, repeating
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Planning, Settings


@dataclass(frozen=True, slots=True)
class Doomed:
    """A database that a reset would drop: whether it exists, and the foreign data in it, in words.

    `foreign` names tables that chatschema did not create, "" for none; `others` are tables with rows that no seeder created.
    """

    name: str
    exists: bool
    foreign: str = ""
    others: tuple[str, ...] = ()


def without_plan(settings: Settings) -> Settings:
    """Return the settings for a reset: whoever drops a database reviews no plan for the new one."""
    return dataclasses.replace(settings, planning=Planning())


def look(settings: Settings, connection: Connection, name: str, *, counts_others: bool = False, say: Say) -> Doomed:
    """Return the contents that a reset of the database `name` would drop; `others` only if it `counts_others`, which takes a while.

    `connection` is that of maintenance(). After an interrupted reset the database is renamed back first.
    Raises Protected, and ChatschemaError while a hold is active.
    """
    if connection.info.dbname != name:
        # After an interrupted reset the database may refuse logins. Nothing is dropped before the answer.
        with locks.migration_lock(connection, wait_s=LOCK_WAIT_S, say=say):
            swap.reopen(connection, name)
    if not catalog.exists(connection, name):
        return Doomed(name, exists=False)
    with closing(postgres.connect(settings, dbname=name)) as own:
        protection.refuse(own, settings, "reset")
        hold.refuse_active(own, "reset")
        tables = contents.foreign(own)
        if tables:
            return Doomed(name, exists=True, foreign=contents.described(own, tables))
        return Doomed(name, exists=True, others=tuple(contents.others(own)) if counts_others else ())


def maintenance(settings: Settings, name: str, *, wait_s: float = 0, say: Say) -> Connection:
    """Return a connection to use while `name` is replaced: to another database if the role may log in there."""
    try:
        return catalog.maintenance(settings, name, wait_s=wait_s, say=say)
    except CannotConnect:
        # Some roles may log in to their own database only.
        return postgres.connect(settings, dbname=name, wait_s=wait_s)


@dataclass(frozen=True, slots=True)
class Reset:
    """A reset of the database `name`, migrated from `files`.

    `is_named`: whether the caller gave its name, which a database that chatschema did not create requires.
    """

    settings: Settings
    name: str
    files: list[MigrationFile]
    is_named: bool
    say: Say

    def rebuild(self, connection: Connection) -> str:
        """Replace the database by a migrated one; return in words how. `connection` is that of maintenance().

        If it is killed at any moment, one of the two exists, and the next reset finishes. Raises ChatschemaError.
        """
        if connection.info.dbname == self.name:
            # This role can log in to no other database, so this one cannot be replaced from outside.
            return self._drop_objects("this role may not create databases")
        # The lock of the maintenance database: two overlapping resets would build the same template.
        with locks.migration_lock(connection, wait_s=LOCK_WAIT_S, say=self.say):
            swap.recover(connection, self.name)
            target = catalog.inspect(connection, self.name)
            obstacle = _obstacle(connection, target)
            if target.exists:
                # Checked here, so that nothing is built in vain, and again before the old one is dropped.
                with self._guarded() as own:
                    if obstacle is None:
                        kept.refuse(own)
            if obstacle is not None:
                return self._drop_objects(obstacle)
            was_built = self._clone(connection, target)
        return "migrated a template and cloned it" if was_built else "cloned from its template"

    def _drop_objects(self, obstacle: str) -> str:
        """Drop the objects that chatschema created in a database that has to stay; return how it was reset, and why so."""
        with self._guarded() as own:
            migration_files.check(self.files)
            objects.drop_objects(own, granting.kept(own))
        return f"its objects were dropped and created again, because {obstacle}"

    @contextmanager
    def _guarded(self) -> Iterator[Connection]:
        """Yield a connection that keeps others from migrating or protecting the database.

        Raises if it is protected, has an active hold, or, unless it was named, was not created by chatschema.
        """
        with (
            closing(postgres.connect(self.settings, dbname=self.name)) as own,
            locks.change_lock(own, wait_s=5, say=self.say),
        ):
            if not self.is_named:
                ownership.refuse_foreign(own)
                contents.refuse_foreign(own, "reset")
            protection.refuse(own, self.settings, "reset")
            hold.refuse_active(own, "reset")
            _refuse_distributed(own)
            yield own

    def _clone(self, connection: Connection, target: Target) -> bool:
        """Replace the target by a clone of the migrated template; return whether the template had to be built."""
        template = templates.template_name(connection, template_contents(self.settings, self.files, connection), target)
        was_built = templates.build_template(connection, template, target, self._migrate_template)
        if was_built:
            templates.drop_outdated(connection, template, target)
        swap.make_clone(connection, target, template, shares_blocks=self._shares_blocks())
        try:
            if target.exists:
                self._close_old(connection, target)
            swap.swap(connection, target)
        except BaseException:
            swap.recover(connection, target.name)
            raise
        return was_built

    def _shares_blocks(self) -> bool:
        """Return whether files of the server can share their blocks; known of the embedded server only."""
        return self.settings.embedded is not None and copying.shares_blocks(self.settings.embedded)

    def _migrate_template(self, dbname: str) -> None:
        # A template is not production, and its clones must not be protected from the start.
        plain = dataclasses.replace(self.settings, is_production=False)
        with closing(postgres.connect(self.settings, dbname=dbname)) as building:
            for _ in migrating.migrate(plain, building, self.files, say=self.say):
                pass

    def _close_old(self, connection: Connection, target: Target) -> None:
        """Close the old database to logins, and recreate its own objects, such as extensions and grants, in its successor."""
        # Building took a while. A command that protects or migrates now waits for the lock, and cannot log in after it.
        with self._guarded() as own:
            swap.close(connection, target.name)
            swap.end_sessions(connection, target.name, but=own.info.backend_pid)
            # Placing a hold does not take the migration lock; from here on nobody can log in to place one.
            hold.refuse_active(own, "reset")
            keep = [*kept.of_database(own), *granting.kept(own)]
        if keep:
            with swap.opened(connection, target), closing(postgres.connect(self.settings, dbname=target.clone)) as clone:
                kept.restore(clone, keep, target.name)


def _obstacle(connection: Connection, target: Target) -> str | None:
    """Return why the target cannot be replaced by a clone; None if it can. Raises ChatschemaError if it cannot be created."""
    if not target.exists and not target.can_clone:
        raise ChatschemaError(
            f"role {connection.info.user} may not create database {target.name}",
            "run it as a role with CREATEDB, or create the database first: createdb",
            code="reset.no-createdb",
        )
    if not target.can_clone:
        return "this role may not set its owner" if target.may_create else "this role may not create databases"
    if target.exists and (refused := swap.refusal(connection, target.name)):
        return f"this role may not set up another database like it: {refused}"
    return None


def _refuse_distributed(connection: Connection) -> None:
    """Raise ChatschemaError if the rows are on the workers of a cluster, which the drop of a database here does not reach."""
    if postgres.has_table(connection, f"chatschema.{door.SIGN}"):
        raise ChatschemaError(
            f"database {connection.info.dbname} has tables on the workers of a cluster, which would keep them; nothing was dropped",
            "bring them back first: chatschema cluster undistribute",
            code="reset.distributed",
        )


def template_contents(settings: Settings, files: list[MigrationFile], connection: Connection) -> list[str]:
    """Return the texts that determine the contents of a migrated template."""
    partitions = sorted((assets.sql_dir() / "partitions").glob("*.sql"))
    return [
        *(f"{file.id} {file.apply.checksum}" for file in [*files, *repeating.beside(files)]),
        *(sqlfile.text_of(path) for path in partitions),
        *(f"{name} {value}" for name, value in sorted(settings.variables.items())),
        comparison.form(connection),
        sqlfile.text_of("ledger.sql"),
    ]


def finish(settings: Settings, connection: Connection, files: list[MigrationFile], *, say: Say) -> None:
    """Recreate the kept objects of the old database, once the new one is migrated, and the grants of its roles."""
    kept.finish(connection)
    with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
        granting.restore(settings, connection, files, say=say)
