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
    typer.Option(
        "--sql-dir", metavar="DIR", help="Folder with migrations/ and reports/ of your own.", exists=True, file_okay=False
    ),
]
Wait = Annotated[float, typer.Option("--wait", metavar="S", min=0, help="Seconds to wait for a server that is still starting.")]
LockWait = Annotated[
    float, typer.Option("--lock-wait", metavar="S", min=0, help="Seconds to wait for another chatschema to finish.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="SPAN", help="Months that ended this long ago leave: 24mo, 2y, 90d.")
]
Grace = Annotated[str | None, typer.Option("--grace", metavar="SPAN", help="Between detach and drop; 7d by default.")]
Holds = Annotated[
    str | None, typer.Option("--holds", metavar="RULE", help="block: a hold keeps its whole month; carve: only the held rows.")
]
Archive = Annotated[
    bool | None, typer.Option("--archive/--no-archive", help="Drop only what is archived (the default), or without.")
]
ArchiveDir = Annotated[
    Path | None, typer.Option("--dir", metavar="DIR", help="Folder of the archives; ./archives by default.", file_okay=False)
]
Replica = Annotated[
    list[str] | None,
    typer.Option("--replica", metavar="URL", help="Wait for long queries on this standby before a change; repeatable."),
]
ReplicaWait = Annotated[
    float,
    typer.Option("--replica-wait", metavar="S", min=0, help="Seconds to wait for long queries on the replicas; 0 skips the check."),
]
