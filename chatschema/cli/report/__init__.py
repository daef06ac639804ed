"""chatschema report: the health of the database, one line per check, or one report of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from chatschema import assets
from chatschema.cli.report import diff, report, watch

# These options of `report` are not on every report: --list is the overview's, --replica is for one report.
_ONLY = {"list_reports": (), "replica": ("indexes",)}


class Reports(TyperGroup):
    """The group that has a command for every file under sql/reports/."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands on reports, then the reports."""
        from chatschema.report import definition

        return [*super().list_commands(ctx), *definition.names(assets.sql_dir())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command. Any name can be a report until it runs, as --sql-dir may add some."""
        if cmd_name in self.commands:
            return super().get_command(ctx, cmd_name)
        command = _command(cmd_name, report.report)
        command.params = [param for param in command.params if cmd_name in _ONLY.get(param.name or "", (cmd_name,))]
        if cmd_name == "queries":
            from chatschema.cli.report import queries

            return _with(command, queries.plans, queries.OWN)
        if cmd_name == "pool":
            from chatschema.cli.report import pool

            return _with(command, pool.sizes, pool.OWN)
        return command


def _command(name: str, run: Callable[..., None]) -> Any:
    single = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    single.command(name=name, help=_title(name))(run)
    return typer.main.get_command(single)


def _with(command: Any, other: Callable[..., None], own: tuple[str, ...]) -> Any:
    """Return the command of a report with more options, `own`: those run `other` instead of the report."""
    more = _command(command.name, other)
    shared = {param.name for param in more.params}
    place = [param.name for param in command.params].index("full") + 1
    command.params[place:place] = [param for param in more.params if param.name in own]
    defaults = {param.name: param.default for param in more.params if param.name in own}
    run_report, run_other = command.callback, more.callback

    def run(**given: Any) -> None:
        if any(given[name] != defaults[name] for name in own):
            run_other(**{name: value for name, value in given.items() if name in shared})
        else:
            run_report(**{name: value for name, value in given.items() if name not in own})

    command.callback = run
    return command


def _title(name: str) -> str:
    from chatschema.errors import ChatschemaError
    from chatschema.report import definition

    try:
        title = definition.load(assets.sql_dir(), name).title
    except ChatschemaError:
        return "A report of your own."
    return f"Report {title}"


app = typer.Typer(cls=Reports, no_args_is_help=False, rich_markup_mode=None)
app.callback(invoke_without_command=True)(report.report)
app.command("explain")(report.explain)
app.command("watch")(watch.watch)
app.command("snapshot")(diff.snapshot)
app.command("diff")(diff.diff)
