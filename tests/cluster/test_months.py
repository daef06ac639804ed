"""A month of a distributed database is retired, archived, restored and purged as on one server. Needs a Citus cluster."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.support.citus import URL, Citus, database, needs_citus, nodes
from tests.support.cli import Cli

pytestmark = needs_citus
# What the files of an archive of the same rows may differ in: when, where and on what they were written.
_ITS_OWN = {"created_at", "cluster", "database", "server_version", "tool"}
_RETIRE = ("partition", "retire", "--older-than", "20d", "--grace", "0d", "--yes")


@pytest.fixture
def citus(cli: Cli) -> Iterator[Citus]:
    """A migrated and seeded database on the coordinator, not yet distributed."""
    with database() as made:
        for command in (["migrate"], ["seed", "--messages", "600", "--months", "2"]):
            done = cli(*command, "--url", made.url, timeout=1200)
            assert done.code == 0, done.err
        yield made


def _archived(folder: Path) -> dict[str, Any]:
    """Return the bytes of an archive's files, and its manifest without what is its own."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    files = {one.name: one.read_bytes() for one in folder.iterdir() if one.name != "manifest.json"}
    return {**files, "manifest": {key: value for key, value in manifest.items() if key not in _ITS_OWN}}


def test_an_archive_of_a_cluster_is_that_of_one_server(citus: Citus, cli: Cli, tmp_path: Path) -> None:
    month = citus.one("select to_char(now() at time zone 'utc' - interval '1 month', 'YYYY-MM')")
    # Workers show values in their own way, unless they are told otherwise.
    for host, port in nodes()[1:]:
        with psycopg.connect(make_conninfo(URL, host=host, port=port, dbname=citus.name), autocommit=True) as worker:
            worker.execute("set citus.enable_ddl_propagation = off")
            worker.execute(f"alter database {citus.name} set timezone = 'Asia/Tokyo'".encode())
            worker.execute(f"alter database {citus.name} set datestyle = 'SQL, DMY'".encode())
            worker.execute(f"alter database {citus.name} set bytea_output = 'escape'".encode())
    rows = f"select count(*), sum(hashtextextended(m::text, 0)) from public.messages as m where id < chatschema.uuid7_floor('{month}-28')"
    for name in ("one", "cluster"):
        if name == "cluster":
            done = cli("cluster", "distribute", "--shards", "4", "--yes", "--url", citus.url, timeout=1200)
            assert done.code == 0, done.err
        before = citus.rows(rows)
        retired = cli(*_RETIRE, "--dir", str(tmp_path / name), "--url", citus.url, timeout=300)
        assert retired.code == 0, retired.err
        restored = cli("partition", "restore", month, "--url", citus.url, timeout=300)
        assert restored.code == 0, restored.err
        assert "linked" in restored.out + restored.err
        assert citus.rows(rows) == before
        citus.run("update chatschema.retired_months set keep_until = null")
    assert _archived(tmp_path / "one" / month) == _archived(tmp_path / "cluster" / month)
    verified = cli("verify", "--url", citus.url)
    assert verified.code == 0, verified.out


def test_holds_and_purge_on_a_cluster(citus: Citus, cli: Cli, tmp_path: Path) -> None:
    done = cli("cluster", "distribute", "--shards", "4", "--yes", "--url", citus.url, timeout=1200)
    assert done.code == 0, done.err
    month = citus.one("select to_char(now() at time zone 'utc' - interval '1 month', 'YYYY-MM')")
    of_month = f"id < chatschema.uuid7_floor(timestamptz '{month}-01 00:00+00' + interval '1 month')"
    conversation, said = citus.rows(
        f"select conversation_id, count(*) from public.messages where {of_month} group by 1 order by 2 desc limit 1"
    )[0]
    all_of_it = citus.one(f"select count(*) from public.messages where {of_month}")
    citus.run(
        f"insert into chatschema.holds (conversation_id, reason) values ('{conversation}', 'a case')",
        f"update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null where conversation_id = '{conversation}' and {of_month}",
    )
    blocked = cli(*_RETIRE, "--dir", str(tmp_path / "a"), "--url", citus.url, timeout=300)
    assert "is kept: it has messages under a hold" in blocked.out, blocked.err
    carved = cli(*_RETIRE, "--holds", "carve", "--dir", str(tmp_path / "a"), "--url", citus.url, timeout=300)
    assert carved.code == 0, carved.err
    assert f"kept {said} messages" in carved.out
    restored = cli("partition", "restore", month, "--url", citus.url, timeout=300)
    assert restored.code == 0, restored.err
    assert citus.one(f"select count(*) from public.messages where {of_month}") == all_of_it

    # All of the month expires: what is held stays until the hold is released.
    citus.run(f"update public.messages set expires_at = now() - interval '1 hour' where {of_month} and not is_deleted")
    purged = cli("maintain", "--url", citus.url, timeout=300)
    assert purged.code == 0, purged.err
    assert citus.one(f"select count(*) from public.messages where {of_month} and conversation_id = '{conversation}'") == said
    assert (
        citus.one(
            f"select count(*) from public.messages where {of_month} and expires_at < now() and conversation_id <> '{conversation}'"
        )
        == 0
    )
    kept = f"select count(*) from public.messages where {of_month} and conversation_id = '{conversation}' and is_deleted and content_encrypted is not null"
    assert cli("cluster", "relay", "--url", citus.url).code == 0
    assert citus.one(kept) > 0
    citus.run("update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x'")
    erased = cli("maintain", "--url", citus.url, timeout=300)
    assert erased.code == 0, erased.err
    assert citus.one(kept) == 0
    assert citus.one("select count(*) from chatschema.deferred_erasures") == 0
    verified = cli("verify", "--url", citus.url)
    assert verified.code == 0, verified.out
