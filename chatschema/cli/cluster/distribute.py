"""chatschema cluster distribute and chatschema cluster undistribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session

if TYPE_CHECKING:
    from chatschema.cluster.distribute.script import Step
    from chatschema.postgres import Connection
    from chatschema.task.distributing import Moved

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the whole script, with locks and times; change nothing.")]


def distribute(
    shards: Annotated[int, typer.Option("--shards", metavar="N", min=1, max=1024, help="Shards of each table.")] = 32,
    dry_run: DryRun = False,
    yes: options.Yes = False,
    json: options.Json = False,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Distribute the tables of conversations over the workers of a Citus cluster, by conversation_id.

    One transaction: rows are counted and checksummed before and after, and it rolls back where they differ. Nobody reads or writes
    the tables until it ends. Users and keys are copied to every node; everything else stays on the coordinator.
    """
    from chatschema.cluster.distribute import cost
    from chatschema.migration import files
    from chatschema.task import distributing

    settings = session.settings(url, sql_dir)
    with session.connected(settings, writes=not dry_run) as (live, connection):
        found = files.discover(live.sql_dir / "migrations")
        steps = distributing.plan(connection, found, shards)
        expected = cost.of(connection, shards)
        if dry_run:
            _print_script(steps, expected.words() if steps else (), json=json)
            return
        if steps:
            action = f"distribute locks the tables of conversations for about {expected.duration} and changes their keys"
            _confirm(connection, action, "distribute", yes=yes)
        done = distributing.distribute(connection, found, shards, say=console.note)
    _print_done(done, "distributed", "it is distributed already", json=json)


def undistribute(
    dry_run: DryRun = False,
    yes: options.Yes = False,
    json: options.Json = False,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Bring a distributed database back to one server, with its keys, triggers and policies as they were.

    One transaction with the same proof as distribute. The coordinator needs the disk space of all rows.
    """
    from chatschema.cluster.distribute import cost
    from chatschema.migration import files
    from chatschema.task import distributing

    settings = session.settings(url, sql_dir)
    with session.connected(settings, writes=not dry_run) as (live, connection):
        found = files.discover(live.sql_dir / "migrations")
        steps = distributing.plan_back(connection, found)
        expected = cost.of_way_back(connection) if steps else None
        if dry_run:
            _print_script(steps, expected.words() if expected else (), json=json)
            return
        if expected:
            action = f"undistribute locks the tables of conversations for about {expected.duration}"
            _confirm(connection, action, "undistribute", yes=yes)
        done = distributing.undistribute(connection, found, say=console.note)
    _print_done(done, "back on one server", "it is not distributed", json=json)


def _confirm(connection: Connection, action: str, command: str, *, yes: bool) -> None:
    console.confirm_name(action, connection.info.dbname, yes=yes, look=f"chatschema cluster {command} --dry-run")


def _print_script(steps: list[Step], words: tuple[str, ...], *, json: bool) -> None:
    if json:
        console.as_json({"expected": words, "steps": [{"title": step.title, "sql": step.text} for step in steps]})
        return
    for line in words:
        console.answer(f"-- {line}")
    if steps:
        console.answer("begin;")
    for step in steps:
        console.answer(f"\n-- == {step.title}")
        console.answer(step.text.rstrip())
    console.answer("\ncommit;" if steps else "nothing to do")


def _print_done(done: Moved, words: str, nothing: str, *, json: bool) -> None:
    from chatschema import units

    if json:
        console.as_json({"is_changed": done.is_changed, "tables": done.tables, "locked_ms": round(done.locked_s * 1000, 1)})
        return
    if not done.is_changed:
        console.answer(f"nothing to do: {nothing}")
        return
    console.table(("table", "rows", "sum"), [(one.table, str(one.rows), one.sum) for one in done.tables], right=(1, 2))
    console.answer(f"{words}: rows and sums are equal; the tables were locked for {units.duration(done.locked_s * 1000)}")
