"""Projects of other tools for tests: 30 migrations each in the files of the tool, and its record of those that it has applied."""

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.database import Database

COUNT, APPLIED = 30, 28
# One that cannot run in a transaction.
ALONE = 20


@dataclass(frozen=True)
class Step:
    """A migration as plain SQL."""

    number: int
    up: str
    down: str

    @property
    def version(self) -> str:
        return f"202301{self.number:02}120000"


def steps() -> list[Step]:
    """Return the migrations: tables in a schema of their own, then columns, indexes, a function with semicolons, and a view."""
    found = [Step(1, "create schema shop;\ncreate table shop.item_1 (id bigint primary key);", "drop schema shop cascade;")]
    for number in range(2, COUNT + 1):
        # verify compares those in public, and a dump the others.
        table = f"{'public' if number in (7, 8) else 'shop'}.item_{number}"
        if number == ALONE:
            found.append(
                Step(
                    number,
                    "create index concurrently item_2_name on shop.item_2 (name);",
                    "drop index concurrently shop.item_2_name;",
                )
            )
        elif number == 5:
            body = "begin\n    new.name := 'a;b';\n    return new;\nend"
            up = f"create function shop.touch() returns trigger language plpgsql as $$\n{body}\n$$;"
            found.append(Step(number, up, "drop function shop.touch();"))
        elif number % 3:
            up = f"-- phase: one of the application's own words\ncreate table {table} (id bigint primary key, name text default 'größe; -- no comment');"
            found.append(Step(number, up, f"drop table {table};"))
        else:
            found.append(
                Step(
                    number,
                    f"alter table shop.item_2 add column c{number} integer;",
                    f"alter table shop.item_2 drop column c{number};",
                )
            )
    return found


def sqlx(folder: Path) -> None:
    for step in steps():
        mark = "-- no-transaction\n" if step.number == ALONE else ""
        (folder / f"{step.version}_add_item_{step.number}.up.sql").write_text(mark + step.up)
        (folder / f"{step.version}_add_item_{step.number}.down.sql").write_text(step.down)


def diesel(folder: Path) -> None:
    for step in steps():
        path = folder / f"2023-01-{step.number:02}-120000_add_item_{step.number}"
        path.mkdir()
        (path / "up.sql").write_text(step.up)
        (path / "down.sql").write_text(step.down)
        if step.number == ALONE:
            (path / "metadata.toml").write_text("run_in_transaction = false\n")


def goose(folder: Path) -> None:
    for step in steps():
        mark = "-- +goose NO TRANSACTION\n" if step.number == ALONE else ""
        up = f"-- +goose StatementBegin\n{step.up}\n-- +goose StatementEnd\n" if "function" in step.up else f"{step.up}\n"
        (folder / f"{step.number:05}_add_item_{step.number}.sql").write_text(
            f"{mark}-- +goose Up\n{up}\n-- +goose Down\n{step.down}\n"
        )


def dbmate(folder: Path) -> None:
    for step in steps():
        mark = " transaction:false" if step.number == ALONE else ""
        text = f"-- migrate:up{mark}\n{step.up}\n\n-- migrate:down{mark}\n{step.down}\n"
        (folder / f"{step.version}_add_item_{step.number}.sql").write_text(text)


def flyway(folder: Path) -> None:
    for step in steps():
        version = f"{1 + step.number // 10}_{step.number % 10}" if step.number % 10 else f"{1 + step.number // 10}"
        (folder / f"V{version}__Add_item_{step.number}.sql").write_text(step.up)
        (folder / f"U{version}__Add_item_{step.number}.sql").write_text(step.down)
        if step.number == ALONE:
            (folder / f"V{version}__Add_item_{step.number}.sql.conf").write_text("executeInTransaction=false\n")
    (folder / "R__views.sql").write_text("create or replace view shop.names as select name from shop.item_2;")


_TABLES = {
    "sqlx": "create table _sqlx_migrations (version bigint primary key, description text not null, installed_on timestamptz not null"
    " default now(), success boolean not null, checksum bytea not null, execution_time bigint not null)",
    "diesel": "create table __diesel_schema_migrations (version varchar(50) primary key, run_on timestamp not null default now())",
    "goose": "create table goose_db_version (id serial primary key, version_id bigint not null, is_applied boolean not null,"
    " tstamp timestamp default now()); insert into goose_db_version (version_id, is_applied) values (0, true), (29, true), (29, false)",
    "dbmate": "create table schema_migrations (version varchar primary key)",
    "flyway": "create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200) not null,"
    " type varchar(20) not null, script varchar(1000) not null, checksum int, installed_by varchar(100) not null,"
    " installed_on timestamp not null default now(), execution_time int not null, success boolean not null)",
}  # fmt: skip
PROJECTS: dict[str, Callable[[Path], None]] = {"sqlx": sqlx, "diesel": diesel, "goose": goose, "dbmate": dbmate, "flyway": flyway}


def apply(kind: str, database: Database, folder: Path) -> None:
    """Run the first migrations as the tool does, and write its record of them."""
    database.run(_TABLES[kind])
    for step in steps()[:APPLIED]:
        database.run(step.up)
        if kind == "sqlx":
            content = next(folder.glob(f"{step.version}_*.up.sql")).read_bytes()
            database.run(
                "insert into _sqlx_migrations values (%s, 'd', now(), true, %s, 1)",
                int(step.version),
                hashlib.sha384(content).digest(),
            )
        elif kind == "flyway":
            path = next(path for path in folder.glob("V*.sql") if path.stem.endswith(f"_item_{step.number}"))
            version = path.name[1:].partition("__")[0].replace("_", ".")
            row = (step.number, version, path.name, _signed(zlib.crc32(path.read_text().replace("\n", "").encode())))
            database.run("insert into flyway_schema_history values (%s, %s, 'd', 'SQL', %s, %s, 'me', now(), 1, true)", *row)
        elif kind == "goose":
            database.run("insert into goose_db_version (version_id, is_applied) values (%s, true)", step.number)
        else:
            table = {"diesel": "__diesel_schema_migrations", "dbmate": "schema_migrations"}[kind]
            database.run(f"insert into {table} (version) values (%s)", step.version)


def _signed(value: int) -> int:
    return value - (1 << 32) if value >= 1 << 31 else value
