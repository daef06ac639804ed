"""What a hold protects is not lost when its month comes back to tables that have one of its columns no more."""

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import JANUARY, there

RETIRE = ("partition", "retire", "--older-than", "12mo", "--holds", "carve", "--yes")
DROPPED = ("partition", "restore", JANUARY, "--map", "deleted_by=drop")


@pytest.mark.parametrize(
    ("name", "leaves"),
    [
        ("detached", ("--grace", "7d")),
        ("archived", ("--grace", "0d")),
        ("kept", ("--grace", "0d", "--no-archive")),
    ],
)
def test_a_column_of_rows_under_a_hold_is_not_dropped(cli: Cli, aged: Database, name: str, leaves: tuple[str, ...]) -> None:
    assert cli("hold", "add", "--everything", "--reason", "case 7", "--url", aged.url).code == 0
    left = cli(*RETIRE, *leaves, "--url", aged.url)
    assert left.code == 0, left.err
    table = "messages_y2024m01" if name == "detached" else "messages_y2024m01_held"
    values = f"select count(deleted_by) from chat_partitions.{table}"
    evidence, before = aged.one(values), there(aged, JANUARY)
    assert evidence
    aged.run("alter table public.messages drop deleted_by")
    refused = cli(*DROPPED, "--url", aged.url)
    assert refused.code == 1, refused.out
    assert (aged.one(values), there(aged, JANUARY)) == (evidence, before)
    if name != "archived":
        golden.check(f"restore_held_column_{name}", refused, {aged.name: "chat"})
    # Both ways out of the hint.
    aged.run("alter table public.messages add removed_by uuid")
    if name == "kept":
        assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
        released = cli(*DROPPED, "--url", aged.url)
        assert released.code == 0, released.err
    else:
        renamed = cli("partition", "restore", JANUARY, "--map", "deleted_by=removed_by", "--url", aged.url)
        assert renamed.code == 0, renamed.err
        assert aged.one("select count(removed_by) from public.messages") == evidence
