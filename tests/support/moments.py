"""Two moments of a database's statistics, and what the command says of them."""

import json
from pathlib import Path
from typing import Any

from tests.support.cli import Cli
from tests.support.database import Database


def add_notes(db: Database) -> None:
    """A table of 2,000 rows with an index."""
    db.run("create extension if not exists pg_stat_statements")
    db.run(
        "create table public.note (id int primary key, author int not null, body text);"
        "insert into public.note select i, i % 100, repeat('x', 200) from generate_series(1, 2000) as i;"
        "create index note_author on public.note (author); analyze public.note"
    )


def snapshot(cli: Cli, db: Database, name: str, *options: str) -> str:
    result = cli("report", "snapshot", name, *options, "--url", db.url)
    assert result.code == 0, result.err
    return name


def compared(cli: Cli, *arguments: str) -> Any:
    result = cli("report", "diff", *arguments, "--json")
    assert result.code == 0, result.err
    return result.json()


def query_of(document: Any, text: str) -> Any:
    queries = [query for query in document["queries"] if not (query["query"] or "").startswith("explain")]
    (found,) = [query for query in queries if text in (query["query"] or "")]
    return found


def index_of(document: Any, name: str) -> Any:
    (found,) = [index for index in document["indexes"] if index["name"] == name]
    return found


def ask(db: Database, query: str, parameters: list[Any]) -> None:
    with db.connect() as connection:
        for parameter in parameters:
            connection.execute(query.encode(), (parameter,))


def explained_blocks(db: Database, query: str, parameter: object) -> int:
    """Return the blocks of a call; the first one of a session also reads the catalog and each index's first page."""
    with db.connect() as connection:
        connection.execute(query.encode(), (parameter,))
        row = connection.execute(f"explain (analyze, buffers, format json) {query}".encode(), (parameter,)).fetchone()
    assert row
    ((plan,),) = row
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


def edited(path: Path, name: str, **origin: object) -> str:
    document = json.loads(path.read_text())
    document["origin"] |= origin
    (path.parent / name).write_text(json.dumps(document))
    return name
