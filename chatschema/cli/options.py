"""Options that mean the same on every command."""

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="Server and database, or: embedded. Else DATABASE_URL, DB_*, PG*, .env, chatschema.toml."
    ),
]
SqlDir = Annotated[
    Path | None,
    typer.Option("--sql-dir", metavar="DIR", help="Folder with migrations/ and partitions/.", exists=True, file_okay=False),
]
Wait = Annotated[float, typer.Option("--wait", metavar="S", min=0, help="Seconds to wait for a server that is still starting.")]
LockWait = Annotated[
    float, typer.Option("--lock-wait", metavar="S", min=0, help="Seconds to wait for another chatschema to finish.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
