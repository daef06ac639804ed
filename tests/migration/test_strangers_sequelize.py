"""new project --from sequelize: the programs run on a scratch database, and the SQL that they send becomes the project."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support import sequelize_project as project
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.node import needs_node
from tests.support.pace import long
from tests.support.sequelize_project import APPLIED, BACKFILL, COUNT, name
from tests.support.verified import is_clean

pytestmark = needs_node
OWN = ("--sql-dir", "sql")


@pytest.fixture
def theirs(tmp_path: Path, node_modules: Path) -> Path:
    folder = tmp_path / "db" / "migrations"
    project.write(folder, node_modules)
    return folder


@pytest.fixture
def small(theirs: Path) -> Path:
    """The folder with its first two migrations."""
    for path in theirs.iterdir():
        if path.stem not in (name(1), name(2)):
            path.unlink()
    return theirs


def convert(cli: Cli, scratch: Database, *arguments: str, **options: Any) -> Result:
    return cli("new", "project", "db/migrations", "--from", "sequelize", "--scratch", scratch.url, *arguments, **options)


def migration(folder: Path, number: int, body: str) -> str:
    path = folder / f"{name(number)}.js"
    path.write_text(f"module.exports = {{ {body} }};\n")
    return path.name


def test_a_project_goes_on_where_sequelize_stopped(
    cli: Cli, theirs: Path, empty: Database, node_modules: Path, tmp_path: Path
) -> None:
    project.write_by_hand(theirs)
    project.apply(node_modules, theirs, empty)
    done = convert(cli, empty, "--history", "--url", empty.url)
    assert done.code == 0, done.err
    assert done.out == f"{COUNT} migrations converted to sql/migrations\n{APPLIED} of them are recorded as applied\n"
    assert f"look at: {name(7)}.js: it asks for the structure" in done.err
    assert f"look at: {name(6)}.js: it went on after an error" in done.err
    assert f"look at: {name(1)}.js: its indexes were built concurrently" in done.err
    own = (*OWN, "--url", empty.url)
    names = cli("new", "migration", "add_last", *OWN).out.split()
    (tmp_path / names[0]).write_text("-- last: one more.\ncreate table public.last (id bigint primary key);\n")
    (tmp_path / names[1]).write_text("drop table public.last;\n")
    states = [one["state"] for one in cli("status", "--json", *own).json()["migrations"]]
    assert states == ["applied"] * APPLIED + ["pending"] * (COUNT - APPLIED + 1)
    migrated = cli("migrate", *own)
    assert migrated.code == 0, migrated.err
    assert cli("status", "--check", *own).code == 0
    is_clean(cli, empty, *OWN)
    # What Sequelize had inserted is as it was; what the new files insert is there.
    assert [row[0] for row in empty.all('select email from "Users" order by id')] == ["O'NEIL@EXAMPLE.ORG", "X $1 ' Y"]
    assert empty.one("""select count(*) from "Items" where name = 'a;b' and cost = 1.5""") == 1


def test_a_new_database_is_the_same_and_each_rollback_leads_back(cli: Cli, theirs: Path, empty: Database, tmp_path: Path) -> None:
    project.write_by_hand(theirs)
    assert convert(cli, empty).code == 0
    own = (*OWN, "--url", empty.url)
    done = cli("migrate", *own)
    assert done.code == 0, done.err
    assert empty.all("""select last_value from "Users_id_seq" """) == [(100,)]
    files = tmp_path / "sql" / "migrations"
    assert "-- transactional: false\nCREATE INDEX CONCURRENTLY" in (files / f"{name(8).replace('-', '_')}.sql").read_text()
    assert "lost" not in (files / f"{name(6).replace('-', '_')}.sql").read_text()
    # One without a way back, and one that cannot be applied twice: they are undone up to there.
    undone = cli("undo", "--to", name(BACKFILL).replace("-", "_"), "--yes", *own)
    assert undone.code == 0, undone.err
    assert cli("migrate", *own).code == 0
    is_clean(cli, empty, *OWN)


def test_work_on_rows_is_named_and_nothing_is_written(cli: Cli, small: Path, empty: Database, tmp_path: Path) -> None:
    reads = migration(
        small,
        3,
        """up: async (q) => { for (const u of await q.select(null, "Users", {})) await q.bulkDelete("Users", { id: u.id }) }""",
    )
    wrote = migration(small, 4, """up: (q) => q.sequelize.query(`insert into "Users" (email) values ('a') returning id`)""")
    locks = migration(small, 5, """up: (q) => q.sequelize.query(`select id from "Users" for update`)""")
    model = migration(
        small,
        6,
        """up: (q, S) => q.sequelize.define("User", { email: S.TEXT }, { tableName: "Users", timestamps: false }).count()""",
    )
    refused = convert(cli, empty)
    assert refused.code == 1
    assert refused.err.partition("error")[2].startswith(
        "[strangers.unconverted]: 4 migrations do with JavaScript what SQL has to do;"
    )
    assert f'\n  {reads}: it reads rows: SELECT * FROM "Users"' in refused.err
    assert f"\n  {wrote}: it may use what it wrote: insert into" in refused.err
    assert f"\n  {locks}: it reads rows: select id" in refused.err
    assert f'\n  {model}: it reads rows: SELECT count(*) AS "count" FROM "Users"' in refused.err
    assert not (tmp_path / "sql").exists()
    assert not (tmp_path / "chatschema.toml").exists()
    for path in (locks, model):
        (small / path).unlink()
    assert empty.all("select datname from pg_database where datname like 'chatschema_scratch_%'") == []
    (small / f"{name(3)}.sql").write_text('delete from "Users";\n')
    done = convert(cli, empty, "--accept", wrote)
    assert done.code == 0, done.err
    assert f"look at: {wrote} was converted as it runs on an empty database: it may use what it wrote" in done.err
    assert 'delete from "Users";' in (tmp_path / "sql" / "migrations" / f"{name(3).replace('-', '_')}.sql").read_text()


def test_a_migration_reaches_no_other_place(cli: Cli, small: Path, empty: Database) -> None:
    empty.run("create table public.precious (id int)")
    opened = f"""new (require("sequelize").Sequelize)("{empty.url}", {{ logging: false }}).query("drop table public.precious")"""
    migration(small, 3, f"up: () => {opened}")
    refused = convert(cli, empty)
    assert "error[strangers.unconverted]: 20230103120000-step-3.js failed on a scratch database: it connects to" in refused.err
    assert empty.one("select count(*) from public.precious") == 0
    with socket.create_server(("127.0.0.1", 0)) as outside:
        outside.settimeout(0.1)
        migration(small, 3, f'up: () => fetch("http://127.0.0.1:{outside.getsockname()[1]}/")')
        assert "error[strangers.unconverted]: 20230103120000-step-3.js failed" in convert(cli, empty).err
        with pytest.raises(TimeoutError):
            outside.accept()
    migration(small, 3, 'up: () => require("child_process").execSync("true")')
    assert "it starts another program or thread" in convert(cli, empty).err
    migration(small, 3, "up: () => process.exit(0)")
    assert "error[strangers.node]: node ended in 20230103120000-step-3.js" in convert(cli, empty).err
    migration(small, 3, "up: (q) => q.dropTable('Users'), down: () => { throw new Error('there is no way back') }")
    done = convert(cli, empty)
    assert done.code == 0, done.err
    assert "look at: 20230103120000-step-3.js: no rollback: its down failed: there is no way back" in done.err


@long
def test_what_a_transaction_lost_is_not_converted(cli: Cli, small: Path, empty: Database, tmp_path: Path) -> None:
    lost = """const query = q.sequelize.query.bind(q.sequelize), t = await q.sequelize.transaction();
        await query("create table lost (i int)", { transaction: t });
        await query("savepoint mine", { transaction: t });
        await query("select nothing()", { transaction: t }).catch(() => {});"""
    # Refused statements end a transaction, whatever the migration goes on to do; a savepoint saves the rest.
    migration(small, 3, f"async up(q) {{ {lost} await t.commit(); }}")
    migration(small, 4, f"async up(q) {{ {lost} await query('rollback to mine', {{ transaction: t }}); await t.commit(); }}")
    # Nobody waits for this one.
    migration(small, 5, "async up(q) { q.sequelize.query('select pg_sleep(0.3); create table late (i int)'); }")
    done = convert(cli, empty)
    assert done.code == 0, done.err
    files = [(tmp_path / "sql" / "migrations" / f"{name(number).replace('-', '_')}.sql").read_text() for number in (3, 4, 5)]
    assert ["create table lost" in text for text in files] == [False, True, False]
    assert f"look at: {name(3)}.js: it sends no SQL" in done.err
    assert "create table late" in files[2]


def test_what_is_missing_is_named(cli: Cli, small: Path, empty: Database, tmp_path: Path) -> None:
    (small / f"{name(3)}.ts").write_text("")
    assert f"error[strangers.file]: {name(3)}.ts is TypeScript" in convert(cli, empty).err
    (small / f"{name(3)}.ts").unlink()
    (tmp_path / "db" / "node_modules").unlink()
    lacking = convert(cli, empty).err
    assert "error[strangers.node-modules]: sequelize and pg are not installed for db/migrations" in lacking
    assert "npm install sequelize pg\n" in lacking
    path = ":".join(one for one in os.environ["PATH"].split(":") if not (Path(one) / "node").exists())
    assert "error[strangers.node]: " in convert(cli, empty, env={"PATH": path}).err
    assert "error[strangers.none]: " in cli("new", "project", ".", "--from", "sequelize").err
    assert "error[strangers.scratch]: " in cli("new", "project", "db/migrations", "--from", "sequelize", "--scratch", "none").err
    assert "error[strangers.accept]: " in convert(cli, empty, "--accept", "other.js").err
    assert "error[usage.options]: " in cli("new", "project", "db/migrations", "--from", "goose", "--accept", "a.js").err


def test_a_file_that_sequelize_applied_and_is_missing_is_refused(
    cli: Cli, small: Path, empty: Database, node_modules: Path, tmp_path: Path
) -> None:
    project.apply(node_modules, small, empty, 2)
    empty.run("""insert into "SequelizeMeta" values ('20230103120000-gone.js')""")
    refused = convert(cli, empty, "--history", "--url", empty.url)
    assert "error[strangers.missing]: sequelize has applied 20230103120000-gone.js" in refused.err
    assert not (tmp_path / "sql").exists()
