"""chatschema privacy: the personal data in the database."""

import typer

from chatschema.cli.privacy import erase, export, listed, register

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Personal data: the record of processing, exports and erasures."
)
app.command("register")(register.register)
app.command("export")(export.export)
app.command("erase")(erase.erase)
app.command("list")(listed.list_requests)
