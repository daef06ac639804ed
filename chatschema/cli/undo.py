"""chatschema undo."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, migrate, options, session
from chatschema.errors import UsageError
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.migration.loss import Loss
    from chatschema.postgres import Connection
    from chatschema.postgres.replicas import Replicas
    from chatschema.task.undoing import Undo
    from chatschema.values import Applied, Settings

_LOOK = "the same command with --dry-run"


def undo(
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", min=1, help="Number of migrations to undo; 1 by default.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ID", help="Undo all migrations after this one, which stays applied.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Undo all migrations. Refused on a protected database.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Print the SQL, its locks and the losses, and change nothing.")
    ] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = waits.REPLICA_WAIT_S,
    scratch: options.Scratch = None,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Undo the last applied migration, or several, newest first.

    If rows or columns would be lost, chatschema lists the losses and asks for confirmation. On a protected database it
    refuses to lose any.
    """
    from chatschema import hold
    from chatschema.database import contents
    from chatschema.migration import files as migration_files
    from chatschema.task import scratching, undoing

    scratching.refuse_unknown(scratch)
    if sum((steps is not None, to is not None, all)) > 1:
        raise UsageError("--steps, --to and --all cannot be combined", "use one of them", code="usage.options")
    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with (
        session.connected(settings, wait_s=wait, writes=not dry_run) as (live, connection),
        session.replicas(live, connection, replica, replica_wait) as replicas,
    ):
        contents.refuse_foreign(connection, "undo")
        wanted = undoing.choose(settings, connection, files, steps=steps or 1 if to is None else None, to=to, is_all=all)
        if dry_run:
            _dry_run(live, connection, wanted, scratch, as_json=json)
            return
        if wanted.chosen:
            hold.refuse_active(connection, "undo")
        undone = _undo(live, connection, wanted, replicas, yes=yes, lock_wait_s=lock_wait, as_lines=not json)
    if json:
        console.as_json({"undone": undone})
    elif not undone:
        console.answer("nothing to undo")


def _undo(
    settings: Settings, connection: Connection, wanted: Undo, replicas: Replicas, *, yes: bool, lock_wait_s: float, as_lines: bool
) -> list[Applied]:
    """Roll back, and print each migration as it is undone when `as_lines`; losses are confirmed on the terminal."""
    from chatschema.task import undoing

    def ask(losses: Sequence[Loss]) -> None:
        _ask(connection.info.dbname, losses, yes=yes, is_all=wanted.is_all and not undone)

    undone: list[Applied] = []
    agreed = undoing.agreed_before(settings, connection, wanted, ask, is_agreed=yes, say=console.note)
    steps = undoing.roll_back(
        settings, connection, wanted, agreed, ask, replicas=replicas, lock_wait_s=lock_wait_s, say=console.note
    )
    with migrate.telling("undid", undone), closing(steps):
        for done in steps:
            undone.append(done)
            if as_lines:
                migrate.print_step("undid", done)
    return undone


def _ask(name: str, losses: Sequence[Loss], *, yes: bool, is_all: bool) -> None:
    """Ask for confirmation of the losses, or of dropping all tables; raise UsageError where there is no terminal."""
    from chatschema.migration.loss import listed

    if not losses:
        action = f"undo --all would drop all tables of chatschema in database {name}; all of them are empty"
        console.confirm_name(action, name, yes=yes)
        return
    what = f"undo would {listed(losses)} in database {name}"
    if is_all:
        what = f"undo --all would drop all tables of chatschema in database {name}; it would {listed(losses)}"
    console.confirm_name(what, name, yes=yes, look=_LOOK)


def _dry_run(settings: Settings, connection: Connection, wanted: Undo, scratch: str | None, *, as_json: bool) -> None:
    from chatschema.cli import planning
    from chatschema.task import undoing

    plan = undoing.planned(settings, connection, wanted, scratch=scratch, say=console.note)
    chosen = wanted.chosen
    if as_json:
        found = [
            {"kind": loss.change.kind, "table": loss.change.table, "column": loss.change.column or None, "rows": loss.rows}
            for loss in plan.losses or ()
        ]
        files = planning.files(chosen, plan.foresight, plan.sized)
        losses = None if plan.losses is None else found
        console.as_json({"would_undo": files, "losses": losses, **planning.tables(plan.foresight, plan.sized)})
        undoing.refuse_planned(connection, wanted, plan)
        return
    planning.print_tables(plan.foresight, plan.sized)
    for file in chosen:
        if file.rollback:
            planning.print_file(f"undo {file.id}", file.rollback, plan.sized.statements.get(file.id, ()))
    for loss in plan.losses or ():
        console.answer(f"-- would {loss}")
    if not chosen:
        console.note("nothing to undo")
    elif plan.unknown:
        console.note(f"{plan.unknown.message}. Nothing was changed")
        console.note(f"hint:  {plan.unknown.hint}")
    else:
        lost = "this undo would lose data, as listed" if plan.losses else "no row would be lost"
        console.note(f"{lost}. Nothing was changed; to undo, run the command without --dry-run")
    undoing.refuse_planned(connection, wanted, plan)
