"""chatschema partition: the months of messages and message_statuses, from their making to their return."""

import typer

from chatschema.cli.partition import leaving, listing, maintain, upkeep, verifying

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The monthly partitions of messages and message_statuses.")
app.command("list")(listing.list_months)
app.command("plan")(listing.plan)
app.command("ensure")(upkeep.ensure)
app.command("retire")(leaving.retire)
app.command("archive")(leaving.archive)
app.command("restore")(leaving.restore)
app.command("verify-archives")(verifying.verify_archives)
app.command("purge")(upkeep.purge)
app.command("maintain")(maintain.maintain)
