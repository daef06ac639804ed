"""Advice on indexes, for people and programs: chatschema report queries --advise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatschema import units
from chatschema.cli import console
from chatschema.cli.report import cells
from chatschema.report import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatschema.cli.report.printing import Layout
    from chatschema.postgres import Connection
    from chatschema.report.plans.advise import Advice, Effect, Hidden, Planned
    from chatschema.report.result import Coverage, Finding
    from chatschema.values import Settings

    Row = dict[str, Any]

_OLD = "HypoPG {} cannot hide indexes, so unused indexes were not checked; 1.4 can"


def show(connection: Connection, settings: Settings, seen: Coverage, rows: list[Row], chosen: Row | None, layout: Layout) -> None:
    """Print indexes that would help the query `chosen`, or all of `rows`, and whether the unused ones are needed."""
    from chatschema.report.plans import advise, hypopg, rights

    schema = seen.extensions["hypopg"]
    findings = _findings(connection, settings, seen)
    statements = rights.statements(connection, seen.extensions["pg_stat_statements"])
    with rights.as_application(connection):
        planned = advise.planned(connection, [chosen] if chosen else advise.worth_it(rows), statements)
        indexes = advise.indexes(connection, planned.queries, schema)
        can_hide = hypopg.can_hide(connection, schema)
        hidden = advise.missed(connection, planned.queries, findings, schema) if can_hide else []
    hiding = None if can_hide else _OLD.format(hypopg.version(connection))
    if layout.form == "json":
        console.as_json({
            "note": advise.NOTE,
            "queries": len(planned.queries),
            "not_planned": [{"n": n, "why": why} for n, why in planned.refused.items()],
            "indexes": indexes,
            "hidden": hidden,
            "not_hidden": hiding,
        })  # fmt: skip
        return
    console.answer(wording.header(seen))
    console.answer()
    _print_planned(planned, 1 if chosen else len(rows), advise.MIN_TOTAL_MS)
    for number, one in enumerate(indexes, 1):
        console.answer()
        _print_index(number, one)
    if planned.queries and not indexes:
        console.answer("no index would halve the cost of a query")
    console.answer()
    if hiding:
        console.answer(hiding)
    elif planned.queries and not hidden:
        console.answer("no index is unused, rare or repeated, so none was hidden")
    for one_hidden in hidden:
        _print_hidden(one_hidden)
    if indexes or hidden:
        console.paragraph(advise.NOTE)


def _findings(connection: Connection, settings: Settings, seen: Coverage) -> list[Finding]:
    from chatschema.report import definition, run

    wanted = definition.load(settings.sql_dir, "indexes")
    return run.run(connection, wanted, seen, settings.reporting.thresholds).findings


def _print_planned(planned: Planned, total: int, least_ms: float) -> None:
    left = total - len(planned.queries) - len(planned.refused)
    why_left = f"; {left} others took under {units.duration(least_ms)} or have no plan" if left else ""
    console.answer(f"planned {len(planned.queries)} of {total} queries{why_left}")
    for n, why in planned.refused.items():
        console.answer(f"  query {n} was not planned: {why}")


def _print_index(number: int, one: Advice) -> None:
    console.answer(
        f"{number}. index on {one.table} ({', '.join(one.columns)}), up to {units.size(one.size_bytes)}:"
        f" it would have saved about {units.duration(one.saved_ms)}"
    )
    _print_effects(one.queries)
    console.answer(f"    the table had {one.writes:,} writes; each would write the index as well")
    for label, text in (("create", one.create), ("undo", one.undo)):
        for line in text.splitlines():
            console.answer(f"    {label + ':':8}{line}")


def _print_hidden(one: Hidden) -> None:
    if not one.queries:
        console.answer(f"{one.index} ({one.check}): none of these queries needs it")
        return
    console.answer(f"{one.index} ({one.check}): keep it; these queries need it:")
    _print_effects(one.queries)


def _print_effects(effects: Sequence[Effect]) -> None:
    for effect in effects:
        console.answer(
            f"    query {effect.n}: cost {effect.cost_before:,.0f} to {effect.cost_after:,.0f}, {effect.calls:,} calls,"
            f" {units.duration(effect.total_ms)}: {cells.text('query', effect.query, 70)}"
        )
