"""chatschema cluster: from one server to replicas to Citus."""

import typer

from chatschema.cli.cluster import advise, check, distribute, relay

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Scale out: which step is due, and what stands in its way.")
app.command("advise")(advise.advise)
app.command("check")(check.check)
app.command("distribute")(distribute.distribute)
app.command("undistribute")(distribute.undistribute)
app.command("relay")(relay.relay)
