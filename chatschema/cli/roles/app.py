"""chatschema roles: who may do what in the database."""

import typer

from chatschema.cli.roles import apply, check, show

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Roles, grants and row policies of the application.")
app.command("apply")(apply.apply)
app.command("show")(show.show)
app.command("check")(check.check)
