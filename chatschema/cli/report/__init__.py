"""chatschema report: the health of the database, one check a line, or one report of it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from chatschema import assets
from chatschema.cli.report import diff, report

# What only some reports have an answer to.
_ONLY = {"explain": ("queries",), "advise": ("queries",), "replica": ("indexes",)}


class Reports(TyperGroup):
    """The group that has a command for every file under sql/reports/."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands on reports, then the reports."""
        from chatschema.report import definition

        return [*super().list_commands(ctx), *definition.names(assets.sql_dir())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command; any name is a report's until it runs, as --sql-dir may have more than we do."""
        if cmd_name in self.commands:
            return super().get_command(ctx, cmd_name)
        single = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        single.command(name=cmd_name, help=_title(cmd_name))(report.report)
        command = typer.main.get_command(single)
        command.params = [
            param
            for param in command.params
            if cmd_name in _ONLY.get(param.name or "", (cmd_name,)) and param.name != "list_reports"
        ]
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
app.command("snapshot")(diff.snapshot)
app.command("diff")(diff.diff)
