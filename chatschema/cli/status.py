"""chatschema status."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from chatschema.cluster.nodes import Node
    from chatschema.migration.values import MigrationStatus
    from chatschema.protection import Protection
    from chatschema.tables import TableRows
    from chatschema.task.state import State
    from chatschema.values import Server


def status(
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit 3 if a migration is pending or edited, the structure differs, or the runway is short."),
    ] = False,
    phase: options.Phase = None,
    json: options.Json = False,
    wait: options.Wait = 0,
    fleet: options.Fleet = None,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Show the state of migrations, tables, partitions and demo data. Reads only."""
    from chatschema.migration import files as migration_files
    from chatschema.migration import phases
    from chatschema.task import state

    only_expand = phases.is_expand(phase)
    if fleet is not None:
        from chatschema.cli import fleet as whole

        whole.status(fleet, check=check, only_expand=only_expand, json=json, sql_dir=sql_dir)
        return
    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.connected(settings, wait_s=wait, writes=False) as (live, connection):
        found = state.read(live, connection, files, only_expand=only_expand)
    if json:
        from chatschema.structure import wording

        console.as_json({**dataclasses.asdict(found), "structure": wording.document(found.structure)})
    else:
        _print(found)
    if check and found.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _print(found: State) -> None:
    from chatschema.structure import wording

    _print_server(found.server, found.source, found.protection)
    if found.nodes:
        console.answer()
        nodes = [(f"{one.host}:{one.port}", _role(one), _known(one.shards), _size(one), _answers(one)) for one in found.nodes]
        console.table(("node", "role", "shards", "size", "state"), nodes, right=(2, 3))
    console.answer()
    _print_migrations(found.migrations)
    if found.tables:
        console.answer()
        rows = [(table.table, _rows(table), units.size(table.bytes)) for table in found.tables]
        console.table(("table", "rows", "size"), rows, right=(1, 2))
    if found.runway:
        console.answer()
        runways = [
            (one.parent, str(one.months), f"{one.until:%Y-%m-%d}" if one.until else "none", f"{one.days:.0f} days")
            for one in found.runway
        ]
        console.table(("partitioned", "months", "until", "runway"), runways, right=(1, 3))
    if any(one.applied_at for one in found.migrations):
        console.answer()
        console.answer(wording.summary(found.structure))
    seeds = [seed for seed in found.seeds if seed.seeded_at]
    console.answer()
    rows_seeded = sum(seed.rows for seed in seeds)
    console.answer(f"seeds: {len(seeds)} of {len(found.seeds)} run, {rows_seeded} rows" if seeds else "seeds: none")
    for line in _next_steps(found):
        console.answer(line)


def _print_migrations(migrations: Sequence[MigrationStatus]) -> None:
    rows = [(m.id, m.state, units.when(m.applied_at), m.note or m.title) for m in migrations]
    if console.is_narrow():
        # The number alone is enough for --to, and the object names the table. A repeatable file has no number.
        rows = [
            (m.id[:14] if m.id[0].isdigit() else m.id, m.state, units.when(m.applied_at), m.note or m.title.partition(":")[0])
            for m in migrations
        ]
    console.table(("migration", "state", "applied (UTC)", "title"), rows)


def _print_server(server: Server, source: str, protection: Protection | None) -> None:
    standby = ", standby" if server.is_standby else ""
    console.answer(f"PostgreSQL {server.version}{standby}, database {server.database}, as {server.role} ({source})")
    if protection:
        console.answer(f"protected: {protection.reason}")


def _role(node: Node) -> str:
    return "coordinator" if node.is_coordinator else "worker"


def _known(number: int | None) -> str:
    return "?" if number is None else str(number)


def _size(node: Node) -> str:
    return "?" if node.bytes is None else units.size(node.bytes)


def _answers(node: Node) -> str:
    if not node.is_reachable:
        return "does not answer"
    return "answers" if node.is_active else "not active"


def _rows(table: TableRows) -> str:
    if table.rows is None:
        return "?"
    return f"{table.rows}" if table.is_exact else f"~{table.rows}"


def _may_seed(found: State) -> bool:
    """Return whether demo data may be added: the tables are empty, except for the audit trail, and there is no protection."""
    return found.protection is None and all(table.rows == 0 for table in found.tables if table.table != "audit_logs")


def _others(found: State) -> list[str]:
    waiting = tuple(f"{one.id} is waiting" for one in found.migrations if one.state == "waiting")
    return [f"look at: {finding}" for finding in found.findings if not finding.startswith(waiting)]


def _next_steps(found: State) -> list[str]:
    if any(one.state == "interrupted" and one.applied_at for one in found.migrations):
        return ["next: chatschema undo"]
    if any(one.state in ("pending", "interrupted") for one in found.migrations):
        return ["next: chatschema migrate"]
    if any(one.state == "running" for one in found.migrations):
        return ["next: chatschema batch run"]
    if any(one.state == "waiting" for one in found.migrations):
        return ["next: chatschema migrate, once no client of the earlier release runs", *_others(found)]
    if not found.findings and _may_seed(found):
        return ["next: chatschema seed, for demo data"]
    return _others(found) or ["up to date: all migrations applied, partitions created far enough ahead"]
