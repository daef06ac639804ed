"""chatschema report pool --cores and --suggest: the sizes for so many cores, and the settings of PgBouncer that have them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.report import look as looks
from chatschema.cli.report import options as report_options
from chatschema.cli.report import printing
from chatschema.errors import ChatschemaError

if TYPE_CHECKING:
    from chatschema.values import Settings

# The options that the report itself does not have.
OWN = ("cores", "suggest")
_NAME = "pool"


def pool(
    ctx: typer.Context,
    json: options.Json = False,
    limit: report_options.Limit = 20,
    full: report_options.Full = False,
    cores: Annotated[int | None, typer.Option("--cores", metavar="N", min=1, max=4096, help="Cores of the server.")] = None,
    suggest: Annotated[bool, typer.Option("--suggest", help="Print the settings of PgBouncer with these sizes.")] = False,
    timeout: report_options.Timeout = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Show the report for so many cores, or suggest settings of PgBouncer. Raises ChatschemaError where the cores are not known."""
    report_options.refuse_others(ctx, pool.__annotations__, "--cores or --suggest")
    settings = _for(session.settings(url, sql_dir), cores)
    wanted = looks.wanted(settings, _NAME)
    with looks.opened(settings, wanted, None, timeout_s=timeout, wait_s=wait) as look:
        (result,) = results = look.now()
        seen, port = look.coverage, look.connection.info.port
    if not suggest:
        printing.show(results, seen, printing.Layout("json" if json else "table", _NAME, None, limit, full))
        return
    if not result.is_evaluated:
        raise ChatschemaError(result.gaps[0].what, result.gaps[0].fix, code="report.not-evaluated")
    from chatschema.report import pooling

    text = pooling.settings(result.rows, pooling.Place(seen.host, port, seen.database, seen.version, seen.now))
    if json:
        console.as_json({"database": seen.database, "sizes": result.rows, "pgbouncer": text})
        return
    for finding in result.findings:
        object_ = f"{finding.object}: " if finding.object else ""
        console.note(f"{printing.WORDS[finding.severity]} {finding.check}: {object_}{finding.message}")
    console.data(text)


def _for(settings: Settings, cores: int | None) -> Settings:
    """Return the settings with these cores for the report."""
    if cores is None:
        return settings
    thresholds = {**settings.reporting.thresholds}
    thresholds[_NAME] = {**thresholds.get(_NAME, {}), "cores": cores}
    return replace(settings, reporting=replace(settings.reporting, thresholds=thresholds))
