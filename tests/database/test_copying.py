"""Copies of databases: by the WAL, by their files, or sharing blocks, whichever is fastest for their size and their disk."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatschema import postgres
from chatschema.database import catalog, copying
from tests.support.database import Database
from tests.support.servers import PgServer


@pytest.fixture
def name(server: PgServer) -> Iterator[str]:
    name = f"copied_{uuid.uuid4().hex[:12]}"
    yield name
    with closing(postgres.connect(server.url("postgres"))) as connection:
        catalog.drop(connection, name)


@pytest.mark.parametrize("shares", [False, True])
def test_a_large_template_is_copied_by_its_files_and_a_small_one_is_not(
    empty: Database, name: str, shares: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.run("create table public.own as select 7 as i")
    with closing(postgres.connect(empty.server.url("postgres"))) as connection:
        assert copying.way(connection, empty.name, shares_blocks=shares) == "wal_log"
        monkeypatch.setattr(copying, "_LARGE_BYTES", 1 << 20)
        how = copying.way(connection, empty.name, shares_blocks=shares)
        assert how == ("clone" if shares and empty.server.version >= 180000 else "file_copy")
        copying.copy(connection, empty.name, name, how, closed=True)
        assert catalog.exists(connection, name)
        if empty.server.version >= 180000:
            assert postgres.fetch_one(connection, "show file_copy_method") == ("copy",)
        catalog.ddl(connection, "alter database {} with allow_connections true", name)
    assert Database(empty.server, name).one("select i from public.own") == 7


def test_a_folder_that_cannot_share_blocks_is_known_and_nothing_stays_in_it(tmp_path: Path) -> None:
    assert copying.shares_blocks(tmp_path / "missing") is False
    assert copying.shares_blocks(Path("/dev/shm")) is False, "tmpfs has no blocks to share"
    assert copying.shares_blocks(tmp_path) in (True, False)
    assert list(tmp_path.iterdir()) == []
