"""chatschema audit: the trail of who did what, when and from where."""

import typer

from chatschema.cli.audit import report, search, tail

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The audit trail: who did what, when and from where.")
app.command("tail")(tail.tail)
app.command("search")(search.search)
app.command("report")(report.report)
