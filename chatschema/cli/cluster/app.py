"""chatschema cluster: from one server to replicas to Citus."""

import typer

from chatschema.cli.cluster import add, advise, check, distribute, isolate, rebalance, relay, status, verify

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Scale out: which step is due, and a cluster at work.")
app.command("advise")(advise.advise)
app.command("check")(check.check)
app.command("distribute")(distribute.distribute)
app.command("undistribute")(distribute.undistribute)
app.command("relay")(relay.relay)
app.command("status")(status.status)
app.command("verify")(verify.verify)
app.command("add")(add.add)
app.command("rebalance")(rebalance.rebalance)
app.command("isolate")(isolate.isolate)
