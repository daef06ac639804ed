"""chatschema status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError, ExitCode

if TYPE_CHECKING:
    from chatschema.migration.values import MigrationStatus
    from chatschema.partition.values import Runway
    from chatschema.postgres import Connection
    from chatschema.protection import Protection
    from chatschema.seed.runner import SeedStatus
    from chatschema.tables import TableRows
    from chatschema.values import Server, Settings


def status(
    check: Annotated[
        bool, typer.Option("--check", help="Exit 3 when something is pending, differs, or the months run out.")
    ] = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Show migrations, tables, months and seeds. Reads only."""
    from chatschema.migration import files as migration_files

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.connected(settings, wait_s=wait, writes=False) as (live, connection):
        report = _collect(live, connection, files)
    findings = _findings(report)
    if json:
        from chatschema.structure import wording

        document = {**report, "structure": wording.document(report["structure"]), "findings": findings}
        del document["months"]
        console.as_json(document)
    else:
        _print(report, findings)
    if check and findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _collect(settings: Settings, connection: Connection, files: list[Any]) -> dict[str, Any]:
    from chatschema import postgres, protection, tables
    from chatschema.cli.partition import listing
    from chatschema.migration import history, ledger
    from chatschema.seed import runner as seed
    from chatschema.structure import comparison

    try:
        months = listing.collect(connection, measured=False)
        return {
            "server": postgres.describe(connection),
            "source": settings.source,
            "protection": protection.read(connection, settings),
            "migrations": history.statuses(files, ledger.entries(connection)),
            "structure": comparison.seen(comparison.read(connection)),
            "tables": tables.rows(connection),
            "runway": months["runway"],
            "months": months["findings"],
            "seeds": seed.statuses(connection, settings.seeds_dir),
        }
    except ChatschemaError as error:
        if getattr(error, "sqlstate", "") == "42501":
            hint = f"grant it to this role: grant usage on schema chatschema to {connection.info.user}"
            raise ChatschemaError(f"this role may not read the ledger: {error.message}", hint) from None
        raise


def _findings(report: dict[str, Any]) -> list[str]:
    from chatschema.structure import wording

    migrations: list[MigrationStatus] = report["migrations"]
    found = [f"{m.id} is {m.state}" + (f": {m.note}" if m.note else "") for m in migrations if m.state != "applied"]
    return [*found, *wording.findings(report["structure"]), *report["months"]]


def _print(report: dict[str, Any], findings: list[str]) -> None:
    from chatschema.structure import wording

    _print_server(report["server"], report["source"], report["protection"])
    migrations: list[MigrationStatus] = report["migrations"]
    console.answer()
    _print_migrations(migrations)
    tables: list[TableRows] = report["tables"]
    if tables:
        console.answer()
        console.table(("table", "rows", "size"), [(t.table, _rows(t), units.size(t.bytes)) for t in tables], right=(1, 2))
    runways: list[Runway] = report["runway"]
    if runways:
        console.answer()
        rows = [(r.parent, str(r.months), f"{r.until:%Y-%m-%d}" if r.until else "none", f"{r.days:.0f} days") for r in runways]
        console.table(("partitioned", "months", "until", "runway"), rows, right=(1, 3))
    if any(m.applied_at for m in migrations):
        console.answer()
        console.answer(wording.summary(report["structure"]))
    seeds: list[SeedStatus] = [seed for seed in report["seeds"] if seed.seeded_at]
    console.answer()
    rows_seeded = sum(seed.rows for seed in seeds)
    console.answer(f"seeds: {len(seeds)} of {len(report['seeds'])} run, {rows_seeded} rows" if seeds else "seeds: none")
    for line in _next_steps(migrations, findings, may_seed=_may_seed(report)):
        console.answer(line)


def _print_migrations(migrations: list[MigrationStatus]) -> None:
    rows = [(m.id, m.state, units.when(m.applied_at), m.note or m.title) for m in migrations]
    if console.is_narrow():
        # The number alone is enough for --to, and the object says which table.
        rows = [(m.id[:14], m.state, units.when(m.applied_at), m.note or m.title.partition(":")[0]) for m in migrations]
    console.table(("migration", "state", "applied (UTC)", "what"), rows)


def _print_server(server: Server, source: str, protection: Protection | None) -> None:
    standby = ", standby" if server.is_standby else ""
    console.answer(f"PostgreSQL {server.version}{standby}, database {server.database}, as {server.role} ({source})")
    if protection:
        console.answer(f"protected: {protection.reason}")


def _rows(table: TableRows) -> str:
    if table.rows is None:
        return "?"
    return f"{table.rows}" if table.is_exact else f"~{table.rows}"


def _may_seed(report: dict[str, Any]) -> bool:
    """Return whether demo data would harm nobody: no rows but those of the audit trail, and no mark against it."""
    return report["protection"] is None and all(t.rows == 0 for t in report["tables"] if t.table != "audit_logs")


def _next_steps(migrations: list[MigrationStatus], findings: list[str], *, may_seed: bool) -> list[str]:
    if any(m.state == "interrupted" and m.applied_at for m in migrations):
        return ["next: chatschema undo"]
    if any(m.state in ("pending", "interrupted") for m in migrations):
        return ["next: chatschema migrate"]
    if findings:
        return ["look at: " + finding for finding in findings]
    if may_seed:
        return ["next: chatschema seed, for demo data"]
    return ["all is applied, and the months reach far enough"]
