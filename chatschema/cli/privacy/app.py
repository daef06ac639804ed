"""chatschema privacy: the personal data in the database."""

import typer

from chatschema.cli.privacy import check_receipt, erase, export, listed, register

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Personal data: the record of processing, exports and erasures."
)
app.command("register")(register.register)
app.command("export")(export.export)
app.command("erase")(erase.erase)
app.command("erase-conversation")(erase.erase_conversation)
app.command("erase-message")(erase.erase_message)
app.command("check-receipt")(check_receipt.check_receipt)
app.command("list")(listed.list_requests)
