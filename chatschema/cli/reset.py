"""chatschema reset."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, migrate, options, session
from chatschema.cli.seed import plant
from chatschema.errors import CannotConnect, ChatschemaError, UsageError

if TYPE_CHECKING:
    from chatschema.database.catalog import Target
    from chatschema.migration.files import MigrationFile
    from chatschema.postgres import Connection
    from chatschema.values import Settings


def reset(
    with_seed: Annotated[bool, typer.Option("--seed", help="Fill it with demo data afterwards.")] = False,
    yes: options.Yes = False,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="Needed to drop a database that chatschema did not create: its name."),
    ] = None,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Drop the database and rebuild it, migrated. Everything in it is lost.

    A database with tables that chatschema did not create is refused, unless its name is given again.

    Where the role may create databases the new one is a clone of a migrated template, which takes a moment; else
    chatschema's own tables and schemas are dropped and migrated again, and other objects stay.
    """
    from chatschema import postgres
    from chatschema.database import kept
    from chatschema.migration import files as migration_files

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.running(settings) as live:
        name = postgres.database_name(live)
        with closing(_maintenance(live, name, wait)) as connection:
            is_named = _confirm(live, connection, name, yes=yes, database=database)
            how = _rebuild(live, connection, name, files, is_named=is_named)
        if not json:
            console.answer(f"reset {name}: {how}")
        with closing(postgres.connect(live, dbname=name)) as connection:
            # The template may be from last month.
            migrate.up(live, connection, files, as_lines=not json)
            kept.finish(connection)
            seeded = plant(live, connection, as_lines=not json) if with_seed else []
    if json:
        console.as_json({"database": name, "how": how, "seeded": seeded})


def _confirm(settings: Settings, connection: Connection, name: str, *, yes: bool, database: str | None) -> bool:
    """Have it confirmed that the database may be dropped; return whether it was named, as one of others has to be.

    Raises UsageError where that cannot be asked, and for another name than that of the database.
    """
    from chatschema import hold, postgres, protection
    from chatschema.database import catalog, contents, swap
    from chatschema.postgres import locks

    if database is not None and database != name:
        raise UsageError(
            f"--database {database} does not match the configured database {name}; nothing was dropped",
            "see which one it is: chatschema status",
        )
    action = f"reset drops database {name} and everything in it"
    if connection.info.dbname != name:
        # After a reset that was cut off there may be no way into the database. Nothing is dropped before the answer.
        with locks.migration_lock(connection, wait_s=session.LOCK_WAIT_S, say=console.note):
            swap.reopen(connection, name)
    if not catalog.exists(connection, name):
        console.confirm_name(action, name, yes=yes or database is not None)
        return database is not None
    with closing(postgres.connect(settings, dbname=name)) as own:
        protection.refuse(own, settings, "reset")
        hold.refuse_active(own, "reset")
        tables = contents.foreign(own)
        if tables:
            action = f"{contents.described(own, tables)}; reset would drop them and the database"
            word = f"--database {name}"
        else:
            word = "--yes"
            if console.is_asking() and not yes and (rows := contents.others(own)):
                action += f"; among it, not from a seeder: {', '.join(rows)}"
    console.confirm_name(action, name, yes=database is not None or (yes and not tables), word=word)
    return bool(tables) or database is not None


def _maintenance(settings: Settings, name: str, wait_s: float) -> Connection:
    from chatschema import postgres
    from chatschema.database import catalog

    try:
        return catalog.maintenance(settings, name, wait_s=wait_s, say=console.note)
    except CannotConnect:
        # Some roles may log in to their own database only.
        return postgres.connect(settings, dbname=name, wait_s=wait_s)


def _rebuild(settings: Settings, connection: Connection, name: str, files: list[MigrationFile], *, is_named: bool) -> str:
    from chatschema.database import catalog, kept, swap
    from chatschema.postgres import locks

    if connection.info.dbname == name:
        # No other database lets this role in, so there is nowhere to stand while this one is replaced.
        return _drop_objects(settings, name, files, is_named=is_named)
    # Of the maintenance database: two resets at once would build the same template.
    with locks.migration_lock(connection, wait_s=session.LOCK_WAIT_S, say=console.note):
        swap.recover(connection, name)
        target = catalog.inspect(connection, name)
        if target.exists:
            # Once here, so as not to build for nothing; once more before the old one goes.
            with _guarded(settings, name, is_named=is_named) as own:
                if target.can_clone:
                    kept.refuse(own)
        if not target.exists and not target.can_clone:
            raise ChatschemaError(
                f"role {connection.info.user} may not create database {name}", "let its owner: createdb, or grant createdb"
            )
        if not target.can_clone:
            return _drop_objects(settings, name, files, is_named=is_named)
        was_built = _clone(settings, connection, target, files, is_named=is_named)
    return "migrated a template and cloned it" if was_built else "cloned from its template"


def _drop_objects(settings: Settings, name: str, files: list[MigrationFile], *, is_named: bool) -> str:
    """Drop what chatschema made in a database that has to stay; return how it was reset."""
    from chatschema.database import objects
    from chatschema.migration import files as migration_files

    with _guarded(settings, name, is_named=is_named) as own:
        migration_files.check(files)
        objects.drop_objects(own)
    return "its objects were dropped, as this role may not create databases"


@contextmanager
def _guarded(settings: Settings, name: str, *, is_named: bool) -> Iterator[Connection]:
    """Yield a connection that keeps others from migrating or protecting the database.

    Raises when it is protected, has a hold, or, unless it `is_named`, was not created by chatschema.
    """
    from chatschema import hold, ownership, postgres, protection
    from chatschema.database import contents
    from chatschema.postgres import locks

    with (
        closing(postgres.connect(settings, dbname=name)) as own,
        locks.migration_lock(own, wait_s=5, say=console.note),
    ):
        if not is_named:
            ownership.refuse_foreign(own)
            contents.refuse_foreign(own, "reset")
        protection.refuse(own, settings, "reset")
        hold.refuse_active(own, "reset")
        yield own


def _clone(settings: Settings, connection: Connection, target: Target, files: list[MigrationFile], *, is_named: bool) -> bool:
    """Put a clone of the migrated template in the target's place; return whether the template had to be built."""
    from chatschema import assets, hold, postgres, sqlfile
    from chatschema.database import kept, swap
    from chatschema.database import template as templates
    from chatschema.structure import comparison

    contents = [f"{file.id} {file.apply.checksum}" for file in files]
    contents += [path.read_text("utf-8") for path in sorted((assets.sql_dir() / "partitions").glob("*.sql"))]
    contents.append(comparison.form(connection))
    template = templates.template_name(connection, [*contents, sqlfile.text_of("ledger.sql")], target)

    def migrate_template(dbname: str) -> None:
        # A template is nobody's production, and its clones must not be born protected.
        plain = dataclasses.replace(settings, is_production=False)
        with closing(postgres.connect(settings, dbname=dbname)) as building:
            migrate.up(plain, building, files, as_lines=False)

    was_built = templates.build_template(connection, template, target, migrate_template)
    swap.make_clone(connection, target, template)
    try:
        if target.exists:
            # Building took its time. Whoever protects or migrates now waits for the lock, and finds no way in after it.
            with _guarded(settings, target.name, is_named=is_named) as own:
                swap.close(connection, target.name)
                swap.end_sessions(connection, target.name, but=own.info.backend_pid)
                # Placing a hold does not take the migration lock; from here on nobody can.
                hold.refuse_active(own, "reset")
                keep = kept.of_database(own)
            if keep:
                with swap.opened(connection, target), closing(postgres.connect(settings, dbname=target.clone)) as clone:
                    kept.restore(clone, keep, target.name)
        swap.swap(connection, target)
    except BaseException:
        swap.recover(connection, target.name)
        raise
    return was_built
