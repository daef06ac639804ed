"""chatschema server: start, stop and use the embedded PostgreSQL."""

from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console
from chatschema.errors import ExitCode

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run the embedded PostgreSQL in ./.chatschema.")


def _folder() -> Path:
    from chatschema.config import STATE_DIR

    return Path.cwd() / STATE_DIR


@app.command()
def start() -> None:
    """Start the server and leave it running for your application."""
    from chatschema.server import lifecycle

    embedded = lifecycle.start(_folder())
    console.answer(f"PostgreSQL {embedded.version} is running: {lifecycle.url_of(_folder())}")
    console.note("to stop it: chatschema server stop")


@app.command()
def stop() -> None:
    """Stop the server. The data stays in ./.chatschema."""
    from chatschema.server import lifecycle

    console.answer("stopped" if lifecycle.stop(_folder()) else "nothing to do: the server was not running")


@app.command()
def status() -> None:
    """Show whether the server is running; exit 3 if not."""
    from chatschema.server import lifecycle

    pid = lifecycle.pid(_folder())
    console.answer(f"running, pid {pid}" if pid else "not running")
    if pid is None:
        raise typer.Exit(ExitCode.FINDINGS)


@app.command()
def url() -> None:
    """Print the connection URL."""
    from chatschema.server import lifecycle

    console.answer(lifecycle.url_of(_folder()))
    if lifecycle.pid(_folder()) is None:
        console.note("the server is not running; to start it: chatschema server start")


@app.command(context_settings={"ignore_unknown_options": True})
def psql(arguments: Annotated[list[str] | None, typer.Argument(metavar="ARGS", help="Arguments for psql.")] = None) -> None:
    """Open psql on the server."""
    import signal
    import subprocess

    from chatschema.server import embedded, lifecycle

    bin = embedded.locate(_folder()).bin
    with lifecycle.in_use(_folder(), say=console.note) as conninfo:
        # Ctrl-C is for psql, which cancels the query with it.
        signal.signal(signal.SIGINT, lambda *_: None)
        code = subprocess.run([bin / "psql", "-d", conninfo, *(arguments or [])], check=False).returncode
    raise typer.Exit(code)
