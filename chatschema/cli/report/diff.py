"""chatschema report snapshot and diff: changes between two moments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.report import options as report_options
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from chatschema.report.compare.diff import Diff
    from chatschema.report.compare.snapshot import Snapshot
    from chatschema.report.result import Gap
    from chatschema.values import Settings


def snapshot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    json: options.Json = False,
    timeout: report_options.Timeout = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """Save the current statistics to a file. Resets nothing; compare later with report diff."""
    from chatschema.report.compare import snapshot_file

    snapshot_file.refuse(file, force=force)
    taken = _now(session.settings(url), timeout, wait)
    size = snapshot_file.write(taken, file, force=force)
    _tell_gaps(taken.gaps)
    origin, statements = taken.origin, taken.statements
    if json:
        console.as_json(
            {"file": str(file), "bytes": size, "at": origin.at, "database": origin.database, "statistics_since": origin.since,
             "statements": None if statements is None else len(statements), "indexes": len(taken.indexes),
             "tables": len(taken.tables), "gaps": taken.gaps}
        )  # fmt: skip
        return
    queries = "no queries" if statements is None else f"{len(statements)} queries"
    console.answer(
        f"wrote {file}: {queries}, {len(taken.indexes)} indexes and {len(taken.tables)} tables of {origin.database},"
        f" with statistics since {units.when(origin.since)} UTC"
    )
    console.answer(f"compare later: chatschema report diff {file}")


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The earlier snapshot.")],
    after: Annotated[Path | None, typer.Argument(metavar="B", help="The later snapshot; defaults to the server now.")] = None,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit 3 if a query costs more, or none can be compared.")
    ] = False,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Do not fail on queries that are hidden or rarely called.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Show two servers or databases side by side.")] = False,
    json: options.Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for an issue or a wiki.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Self-contained HTML page.")] = False,
    limit: report_options.Limit = 20,
    full: report_options.Full = False,
    timeout: report_options.Timeout = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """Compare two snapshots, or one with the server now. Lists new, missing and regressed queries and indexes."""
    from chatschema.cli.report import printing
    from chatschema.report.compare import diff as diffs
    from chatschema.report.compare import listing, snapshot_file

    form = printing.form(json=json, markdown=markdown, html=html)
    earlier = snapshot_file.read(before)
    later = snapshot_file.read(after) if after else _now(session.settings(url), timeout, wait)
    found = diffs.compare(earlier, later, force=force)
    _tell_gaps(found.gaps)
    _print(found, form, limit=limit, full=full)
    if not fail_on_regression:
        return
    reasons = ["the queries were not compared"] if found.queries is None else []
    reasons += [] if allow_partial else _partial(found)
    reasons += [f"{query.queryid} costs more: {listing.why(query)}" for query in found.regressed]
    for reason in reasons:
        console.note(f"fails: {reason}")
    if reasons:
        raise typer.Exit(ExitCode.FINDINGS)


def _print(found: Diff, form: str, *, limit: int, full: bool) -> None:
    from chatschema.cli.report import diff_printing
    from chatschema.report.compare import document, html, markdown

    if form == "json":
        console.as_json(document.of(found))
    elif form == "markdown":
        console.data(markdown.text(found).rstrip("\n"))
    elif form == "html":
        console.data(html.text(found).rstrip("\n"))
    else:
        diff_printing.show(found, limit=limit, full=full)


def _partial(found: Diff) -> list[str]:
    """Return why there is no verdict on queries that were compared."""
    said = []
    if hidden := max(found.earlier.hidden, found.later.hidden):
        said.append(f"{hidden} entries of other roles are hidden and were not compared; to ignore this: --allow-partial")
    if found.queries is not None and not any(query.state in ("regressed", "improved", "same") for query in found.queries):
        said.append("no query was called often enough to compare; wait longer, or ignore this: --allow-partial")
    return said


def _now(settings: Settings, timeout_s: float, wait_s: float) -> Snapshot:
    from chatschema.report import run
    from chatschema.report.compare import snapshot as snapshots

    with (
        session.connected(settings, wait_s=wait_s, writes=False, needs_ledger=False) as (_, connection),
        run.safe(connection, timeout_s),
    ):
        return snapshots.take(connection)


def _tell_gaps(gaps: list[Gap]) -> None:
    for gap in gaps:
        console.note(f"not visible: {gap.what}")
        for line in (gap.fix or "").splitlines():
            console.note(f"    {line}")
