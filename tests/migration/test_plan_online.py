"""The plan of a file with `-- online: index`: the locks of the way in which migrate runs it."""

from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.foreseen import poll
from tests.support.migrations import write
from tests.support.pace import long

BASE, ONE = "20990101000000_base", "20990101000001_one"
_BASE = "-- base: people.\ncreate table public.people (id int primary key, name text);"
_INDEX = "-- one: an index.\n-- online: index\ncreate index idx_people_name on public.people (name);"


@long
def test_the_index_of_a_plain_table_stops_no_writer(cli: Cli, empty: Database, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "migrations").mkdir(parents=True)
    write(folder, BASE, _BASE, "drop table public.people;")
    write(folder, ONE, _INDEX, "drop index public.idx_people_name;")
    options = ("--sql-dir", str(folder), "--url", empty.url)
    assert cli("migrate", "--to", BASE, *options).code == 0
    # Enough for the build to last while the locks are looked at.
    empty.run("insert into public.people select i, md5(i::text) from generate_series(1, 300000) as i")
    for place in ("same", "none"):
        document = cli("migrate", "--dry-run", "--json", "--scratch", place, *options).json()
        ((statement,),) = [file["statements"] for file in document["pending"]]
        assert [(one["relation"], one["mode"]) for one in statement["locks"]] == [("public.people", "ShareUpdateExclusiveLock")]
    seen = {mode for table, mode in poll(empty, ["migrate", *options], tmp_path) if table == "people"}
    assert "ShareUpdateExclusiveLock" in seen
    assert not seen & {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
