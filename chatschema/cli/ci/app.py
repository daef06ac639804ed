"""chatschema ci: databases for tests."""

import typer

from chatschema.cli.ci import pool

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Give each test a database of its own.")
of_pool = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keep databases ready, for tests in any language.")
of_pool.command("start")(pool.start)
of_pool.command("take")(pool.take)
of_pool.command("give")(pool.give)
of_pool.command("status")(pool.status)
of_pool.command("stop")(pool.stop)
app.add_typer(of_pool, name="pool")
