"""While people talk, months come, leave, are archived and come back, and nobody's statement fails."""

import time
from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.load import prepare, running
from tests.support.months import there
from tests.support.pace import long

OLD = "2024-02"


@long
def test_nobodys_statement_fails_while_months_come_and_leave(cli: Cli, aged: Database, tmp_path: Path) -> None:
    prepare(aged, {OLD: 10_000})
    (tmp_path / "chatschema.toml").write_text("[partition]\nahead = 12\n")
    commands = [
        ("partition", "ensure"),
        ("partition", "archive", OLD),
        ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes"),
        ("partition", "restore", OLD),
        ("partition", "maintain"),
    ]
    (tmp_path / "load").mkdir()
    with running(aged, tmp_path / "load") as load:
        time.sleep(0.5)
        for command in commands:
            result = cli(*command, "--url", aged.url)
            assert result.code == 0, (command, result.err)
        assert set(there(aged, OLD).values()) == {"attached"}
    assert load.failed == 0
    assert len(load.transactions) > 200
    assert aged.one("select count(*) from public.messages where id < chatschema.uuid7_floor('2024-03-01 00:00+00')") == 10_300
