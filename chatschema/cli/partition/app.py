"""chatschema partition: the months of messages and message_statuses, from creation to restore."""

import typer

from chatschema.cli.partition import archive, ensure, maintain, plan, purge, restore, retire, verify_archives
from chatschema.cli.partition import list as listing

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Manage the monthly partitions of messages and message_statuses."
)
app.command("list")(listing.list_months)
app.command("plan")(plan.plan)
app.command("ensure")(ensure.ensure)
app.command("retire")(retire.retire)
app.command("archive")(archive.archive)
app.command("restore")(restore.restore)
app.command("verify-archives")(verify_archives.verify_archives)
app.command("purge")(purge.purge)
app.command("maintain")(maintain.maintain)
