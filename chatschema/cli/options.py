"""Options that mean the same on every command."""

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help='Connection URL, or "embedded". Defaults to DATABASE_URL, DB_*, PG*, .env or chatschema.toml.'
    ),
]
SqlDir = Annotated[
    Path | None,
    typer.Option("--sql-dir", metavar="DIR", help="Folder with your own migrations/ and reports/.", exists=True, file_okay=False),
]
Wait = Annotated[float, typer.Option("--wait", metavar="S", min=0, help="Seconds to wait for a server that is starting.")]
LockWait = Annotated[
    float, typer.Option("--lock-wait", metavar="S", min=0, help="Seconds to wait for another chatschema run to finish.")
]
Phase = Annotated[
    str | None, typer.Option("--phase", metavar="PHASE", help="expand: leave out the files with -- phase: contract; they wait.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Scratch = Annotated[
    str | None,
    typer.Option(
        "--scratch",
        metavar="PLACE",
        help="Server for the copy that finds the locks: embedded (the default), same, none, or a URL.",
    ),
]
Replay = Annotated[
    str | None,
    typer.Option(
        "--scratch",
        metavar="PLACE",
        help="Server for the replay: same (the default, where the role may create databases), embedded, or a URL.",
    ),
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="SPAN", help="Retire months that ended at least this long ago: 24mo, 2y, 90d.")
]
Grace = Annotated[
    str | None, typer.Option("--grace", metavar="SPAN", help="Time to wait between detaching and dropping; 7d by default.")
]
Holds = Annotated[
    str | None,
    typer.Option("--holds", metavar="RULE", help="block: a hold keeps its whole month; carve: a hold keeps only its own rows."),
]
Archive = Annotated[
    bool | None,
    typer.Option("--archive/--no-archive", help="Drop only archived months (the default), or drop months without an archive."),
]
ArchiveDir = Annotated[
    Path | None, typer.Option("--dir", metavar="DIR", help="Folder for the archives; ./archives by default.", file_okay=False)
]
Fleet = Annotated[
    Path | None, typer.Option("--fleet", metavar="FILE", help="Databases of this TOML file, instead of one.", dir_okay=False)
]
Replica = Annotated[
    list[str] | None,
    typer.Option("--replica", metavar="URL", help="Before each change, wait for long queries on this standby; repeatable."),
]
ReplicaWait = Annotated[
    float,
    typer.Option("--replica-wait", metavar="S", min=0, help="Seconds to wait for long queries on the replicas; 0 skips the check."),
]
