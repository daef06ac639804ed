"""chatschema batch: data migrations that run in batches."""

import typer

from chatschema.cli.batch import list as listing
from chatschema.cli.batch import pause, rate, resume, run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run and steer data migrations that run in batches.")
app.command("list")(listing.list_batches)
app.command("run")(run.run)
app.command("pause")(pause.pause)
app.command("resume")(resume.resume)
app.command("rate")(rate.rate)
