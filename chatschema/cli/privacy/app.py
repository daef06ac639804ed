"""chatschema privacy: the personal data in the database."""

import typer

from chatschema.cli.privacy import export, register

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Personal data: the record of processing, and exports.")
app.command("register")(register.register)
app.command("export")(export.export)
