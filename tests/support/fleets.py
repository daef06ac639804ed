"""Fleets of databases for tests: clones of the migrated template, and the file that lists them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.database import Database
from tests.support.migrations import write
from tests.support.servers import PgServer

# Two files that a database with the user "broken" fails in the second of, and one after them.
NEW = ("20990101000000_add_plan", "20990101000001_check_users", "20990101000002_add_price")


@contextmanager
def fleet(server: PgServer, template: str, prefix: str, count: int) -> Iterator[list[Database]]:
    """Yield so many databases."""
    found = [Database(server, f"{prefix}_{number:02}") for number in range(count)]
    with server.connect("postgres") as admin:
        for database in found:
            admin.execute(f"create database {database.name} template {template}".encode())
        try:
            yield found
        finally:
            for database in found:
                admin.execute(f"drop database if exists {database.name} with (force)".encode())


def listed(folder: Path, databases: list[Database], *, wave: int, parallel: int = 2) -> Path:
    """Write the file of the fleet; the first database is the canary."""
    path = folder / "targets.toml"
    lines = ["[fleet]", f'canary = ["{databases[0].name}"]', f"wave = {wave}", f"parallel = {parallel}"]
    for database in databases:
        lines += [f"[targets.{database.name}]", f'url = "{database.url}"']
    path.write_text("\n".join(lines))
    return path


def add_files(sql_dir: Path) -> None:
    """Add three migrations to the shipped ones."""
    check = (
        "do $$ begin if exists (select from public.users where username = 'broken') then raise exception 'broken'; end if; end $$;"
    )
    write(
        sql_dir,
        NEW[0],
        "-- users: plan.\nalter table public.users add column plan text;",
        "alter table public.users drop column plan;",
    )
    write(sql_dir, NEW[1], f"-- users: check.\n{check}", "select;")
    write(
        sql_dir,
        NEW[2],
        "-- users: price.\nalter table public.users add column price integer;",
        "alter table public.users drop column price;",
    )


def applied(database: Database) -> list[str]:
    """Return which of the new files a database has."""
    rows = database.all("select migration_id from chatschema._yoyo_migration where migration_id >= '2099' order by 1")
    return [id for (id,) in rows]
