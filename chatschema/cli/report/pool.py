"""chatschema report pool --suggest: sizes of connection pools."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.report import look as looks
from chatschema.cli.report import options as report_options
from chatschema.errors import ChatschemaError, UsageError
from chatschema.report import wording

if TYPE_CHECKING:
    from chatschema.report.pool import Suggestion
    from chatschema.report.result import Coverage, Result
    from chatschema.task.looking import Look

# The options that the report itself does not have.
OWN = ("suggest", "cores", "poolers")
_HERE = ("", "localhost", "127.0.0.1", "::1")


def sizes(
    ctx: typer.Context,
    json: options.Json = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Suggest sizes of pools instead.")] = False,
    cores: Annotated[
        int | None,
        typer.Option("--cores", metavar="N", min=1, help="With --suggest: cores of the server, if it is not this machine."),
    ] = None,
    poolers: Annotated[int, typer.Option("--poolers", metavar="N", min=1, help="With --suggest: how many poolers share them.")] = 1,
    timeout: report_options.Timeout = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Print sizes for the pools of the application's logins, and what they follow from. Changes nothing.

    Raises UsageError if the cores of the server are not known, ChatschemaError if the report cannot be evaluated.
    """
    from chatschema.report import definition, pool

    _refuse_others(ctx, is_suggesting=suggest)
    settings = session.settings(url, sql_dir)
    with looks.opened(settings, looks.wanted(settings, "pool"), None, timeout_s=timeout, wait_s=wait) as look:
        coverage, (result,) = look.coverage, look.now()
        port = look.connection.info.port
        known = cores or _cores(look)
        values = definition.values(look.wanted[0], look.settings.reporting.thresholds.get("pool", {}))
    if result.status == "not evaluated":
        raise ChatschemaError(result.gaps[0].what, result.gaps[0].fix, code="report.not-evaluated")
    found = pool.suggest(result.rows, values, database=coverage.database, cores=known, poolers=poolers)
    host = "127.0.0.1" if _is_here(coverage.host) else coverage.host
    lines = pool.pgbouncer(found, host=host, port=port, database=coverage.database)
    limits = [finding.fix for finding in result.findings if finding.fix and not finding.suppressed]
    if json:
        console.as_json({"suggestion": found, "pgbouncer": lines, "limits": limits, "gaps": result.gaps})
    else:
        _print(found, lines, limits, coverage, result)


def _refuse_others(ctx: typer.Context, *, is_suggesting: bool) -> None:
    """Raise UsageError for options of the report, which a suggestion does not have, and for its own without --suggest."""
    for param in ctx.command.params:
        source, option = ctx.get_parameter_source(param.name or ""), param.opts[0]
        if source is None or source.name != "COMMANDLINE":
            continue
        if not is_suggesting and param.name in OWN:
            raise UsageError(f"{option} needs --suggest", "add --suggest", code="report.options")
        if is_suggesting and param.name not in sizes.__annotations__:
            raise UsageError(f"{option} cannot be combined with --suggest", f"leave out {option}", code="report.options")


def _cores(look: Look) -> int:
    """Return the cores of this machine, if the server is on it. Raises UsageError otherwise: no query tells them."""
    if _is_here(look.coverage.host):
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    raise UsageError(
        f"the server {look.coverage.host} does not tell how many cores it has",
        "name them: chatschema report pool --suggest --cores N",
        code="report.cores",
    )


def _is_here(host: str) -> bool:
    return host in _HERE or host.startswith("/")


def _print(found: Suggestion, lines: str, limits: list[str], coverage: Coverage, result: Result) -> None:
    console.answer(wording.header(coverage))
    console.answer()
    for gap in result.gaps:
        console.note(f"not visible: {gap.what}\n    {gap.fix or ''}".rstrip())
    if not found.pools:
        console.answer("there is no login of the application: grant chat_app or chat_worker to one; see: chatschema roles show")
        return
    console.paragraph(_why(found))
    console.answer()
    rows = [(pool.login, pool.group, pool.entry, str(pool.size), str(pool.connected)) for pool in found.pools]
    console.table(("login", "group", "database in the pooler", "pool size", "connected now"), rows, right=(3, 4))
    if found.is_short:
        console.answer()
        console.paragraph(_short(found))
    for title, text in (("pgbouncer.ini:", lines), ("limits of the logins:", "\n".join(limits))):
        if text:
            console.answer()
            console.answer(title)
            for line in text.splitlines():
                console.answer(f"  {line}")


def _why(found: Suggestion) -> str:
    return (
        f"{console.count(found.cores, 'core')}: {found.useful} connections can work at once. {found.slots} connections are not"
        f" reserved for administrators; {found.kept} of them are for everything but the pools."
        f" {console.count(found.poolers, 'pooler')}: {found.wanted} connections in all."
    )


def _short(found: Suggestion) -> str:
    short = max(found.useful, found.wanted) - (found.slots - found.kept)
    return f"warning: {short} connections too few: raise max_connections, or use fewer poolers and logins"
