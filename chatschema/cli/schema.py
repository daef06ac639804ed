"""chatschema schema dump."""

import typer

from chatschema.cli import console, options, session

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Print the schema of the database.")


@app.callback()
def group() -> None:
    """Print the schema of the database."""


@app.command()
def dump(url: options.Url = None) -> None:
    """Print the schema as SQL, without the partitions and the ledger."""
    from chatschema import postgres, schema
    from chatschema.postgres import door
    from chatschema.server import embedded

    with session.connected(session.settings(url), writes=False, needs_ledger=False) as (live, connection):
        if postgres.has_table(connection, f"chatschema.{door.SIGN}"):
            console.note("the database is distributed: keys, policies and functions are those for shards; no dump has the places")
        console.data(schema.dump(live.conninfo, connection.info.server_version // 10000, programs=embedded.bin_folder()).rstrip())
