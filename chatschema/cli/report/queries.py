"""chatschema report queries --explain and --advise: the plan of one query, and indexes for those that take most time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chatschema import units
from chatschema.cli import console
from chatschema.cli.report import cells
from chatschema.errors import ChatschemaError, UsageError
from chatschema.report import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatschema.cli.report.printing import Layout
    from chatschema.postgres import Connection
    from chatschema.report.plans.advise import Advice, Effect, Hidden, Planned
    from chatschema.report.plans.generic import Plan
    from chatschema.report.plans.reading import Remark
    from chatschema.report.result import Coverage, Finding
    from chatschema.values import Settings

    Row = dict[str, Any]

_PLAN_LINES = 80
_OLD = "HypoPG {} cannot hide indexes; 1.4 can: which of the unused ones are missed was not looked at"


def show(
    connection: Connection, settings: Settings, *, sort: str | None, explain: str | None, advise: bool, layout: Layout
) -> None:
    """Print the plan of the query numbered `explain` as sorted; or, to `advise`, indexes for it, or for all.

    Raises ChatschemaError where an extension is missing, or the query cannot be planned.
    """
    if layout.form not in ("table", "json"):
        raise UsageError(f"--{layout.form} has no form for a plan or advice", "take --json, or neither")
    from chatschema.report import coverage

    seen = coverage.read(connection)
    rows, place = _rows(connection, settings, seen, sort, needs=("hypopg",) if advise else ())
    chosen = _numbered(rows, explain, seen) if explain else None
    if advise:
        _advise(connection, settings, seen, rows[: layout.limit or None], chosen, layout)
    elif chosen and explain:
        _explain(connection, seen, chosen, f"query {chosen['n']} by {place}", explain, layout)


def _rows(
    connection: Connection, settings: Settings, seen: Coverage, sort: str | None, *, needs: tuple[str, ...]
) -> tuple[list[Row], str]:
    """Return the rows of the report on queries in the order in which it prints them, and what that is by."""
    from chatschema.report import coverage, definition, run

    wanted = definition.load(settings.sql_dir, "queries")
    gaps = coverage.blocking(replace(wanted, needs=(*wanted.needs, *needs)), seen)
    if gaps:
        raise ChatschemaError(gaps[0].what, gaps[0].fix)
    result = run.run(connection, wanted, seen, settings.reporting.thresholds)
    if result.status == "not evaluated":
        raise ChatschemaError(result.gaps[0].what, result.gaps[0].fix)
    column = cells.named(result.columns, sort) if sort else None
    return cells.ordered(result.rows, column), wording.title(column) if column else "total time"


def _numbered(rows: list[Row], number: str, seen: Coverage) -> Row:
    """Return the row of this place, or of this queryid: a place moves as others overtake it."""
    found = [row for row in rows if number in (str(row["n"]), row["queryid"])]
    if not found:
        hint = "see them: chatschema report queries --limit 0 --full"
        raise UsageError(f"there is no query {number}: the report has {len(rows)}", hint)
    row = found[0]
    if row["queryid"] is None:
        raise ChatschemaError(
            f"query {number} is of another role, and its text is hidden from {seen.role}",
            f"grant pg_read_all_stats to {seen.role}",
        )
    return row


def _explain(connection: Connection, seen: Coverage, row: Row, title: str, number: str, layout: Layout) -> None:
    from chatschema.report.plans import generic, reading, remarks, rights

    statement = rights.statements(connection, seen.extensions["pg_stat_statements"]).get(row["queryid"])
    if statement is None:
        raise ChatschemaError(f"query {number} is gone: its entry has made room for another", "see: chatschema report queries")
    try:
        with rights.as_application(connection):
            found = generic.explain(connection, statement)
    except ChatschemaError as error:
        error.excerpt = error.excerpt or _printable(row["query"])
        raise
    said = remarks.of(connection, found.tree, reading.tables(connection, found.tree), row)
    if layout.form == "json":
        numbers = {name: value for name, value in row.items() if name not in ("object", "query")}
        console.as_json({"query": row["query"], "numbers": numbers, "plan": found.tree, "remarks": said})
        return
    console.answer(wording.header(seen))
    console.answer()
    console.answer(f"{title}:")
    console.answer(_printable(row["query"]))
    console.answer()
    shown = {name: value for name, value in row.items() if name not in ("n", "object", "query") and value is not None}
    console.paragraph(", ".join(f"{wording.title(name)} {cells.text(name, value, None)}" for name, value in shown.items()))
    console.answer()
    _print_plan(found, said, full=layout.full)
    console.answer()
    console.answer(f"next: chatschema report queries --explain {number} --advise")


def _print_plan(found: Plan, said: list[Remark], *, full: bool) -> None:
    console.answer("generic plan, for whatever values:")
    shown = found.lines if full else found.lines[:_PLAN_LINES]
    for line in shown:
        console.answer(f"  {_printable(line)}")
    if len(shown) < len(found.lines):
        console.answer(f"  and {len(found.lines) - len(shown)} lines more: --full")
    console.answer()
    for remark in said:
        console.answer(f"{remark.kind}: {remark.table}: {remark.message}")
    if not said:
        console.answer(
            "nothing stands out: no large table is read as a whole, partitions are left out where they can be, and the calls"
            " so far read few blocks for each row"
        )


def _printable(text: str) -> str:
    """Return a text with its lines, but without what a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _advise(
    connection: Connection, settings: Settings, seen: Coverage, rows: list[Row], chosen: Row | None, layout: Layout
) -> None:
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
    _print_looked_at(planned, 1 if chosen else len(rows), advise.MIN_TOTAL_MS)
    for number, one in enumerate(indexes, 1):
        console.answer()
        _print_index(number, one)
    if planned.queries and not indexes:
        console.answer("no index would halve the cost of any of them")
    console.answer()
    if hiding:
        console.answer(hiding)
    elif planned.queries and not hidden:
        console.answer("no index is called unused, rare or repeated, so none was hidden")
    for one_hidden in hidden:
        _print_hidden(one_hidden)
    if indexes or hidden:
        console.paragraph(advise.NOTE)


def _findings(connection: Connection, settings: Settings, seen: Coverage) -> list[Finding]:
    from chatschema.report import definition, run

    wanted = definition.load(settings.sql_dir, "indexes")
    return run.run(connection, wanted, seen, settings.reporting.thresholds).findings


def _print_looked_at(planned: Planned, total: int, least_ms: float) -> None:
    left = total - len(planned.queries) - len(planned.refused)
    why_left = f"; {left} took under {units.duration(least_ms)} or have no plan" if left else ""
    console.answer(f"looked at {len(planned.queries)} of {total} queries{why_left}")
    for n, why in planned.refused.items():
        console.answer(f"  not query {n}: {why}")


def _print_index(number: int, one: Advice) -> None:
    console.answer(
        f"{number}. index on {one.table} ({', '.join(one.columns)}), up to {units.size(one.size_bytes)}:"
        f" would have saved about {units.duration(one.saved_ms)}"
    )
    _print_effects(one.queries)
    console.answer(f"    the table was written {one.writes:,} times; each would write the index as well")
    for label, text in (("create", one.create), ("undo", one.undo)):
        for line in text.splitlines():
            console.answer(f"    {label + ':':8}{line}")


def _print_hidden(one: Hidden) -> None:
    if not one.queries:
        console.answer(f"{one.index} ({one.check}): hidden, it is missed by none of these queries")
        return
    console.answer(f"{one.index} ({one.check}): keep it; hidden, it is missed by")
    _print_effects(one.queries)


def _print_effects(effects: Sequence[Effect]) -> None:
    for effect in effects:
        console.answer(
            f"    query {effect.n}: cost {effect.cost_before:,.0f} to {effect.cost_after:,.0f}, {effect.calls:,} calls,"
            f" {units.duration(effect.total_ms)}: {cells.text('query', effect.query, 70)}"
        )
