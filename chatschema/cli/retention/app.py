"""chatschema retention: what is kept for how long, removing what is due, and checking that it was removed."""

import typer

from chatschema.cli.retention import check, plan, run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Retention: what is due, removing it, and what is overdue.")
app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("check")(check.check)
