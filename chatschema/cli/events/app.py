"""chatschema events: what the application's caches learn of."""

import typer

from chatschema.cli.events import notify, record, tail

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Events for the application's caches: read and switch them.")
app.command("tail")(tail.tail)
app.command("record")(record.record)
app.command("notify")(notify.notify)
