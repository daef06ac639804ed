"""An erasure that a hold deferred is carried out after its release, wherever the rows were meanwhile."""

import threading
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.hostile import make_hostile
from tests.support.months import FEBRUARY, JANUARY, there

RETIRE = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")
CONTENT = (
    "select count(*) from public.messages as m join public.users as u on u.id = m.sender_id"
    " where u.username = 'deleted-' || u.id and content_encrypted is not null"
)
REACTIONS = (
    "select count(*) from public.message_statuses as s join public.users as u on u.id = s.user_id"
    " where u.username = 'deleted-' || u.id and reactions <> '{}'"
)


def erase(database: Database, name: str) -> None:
    database.run(
        "update public.users set account_state = 'erased', erased_at = now(), email = null, username = 'deleted-' || id"
        " where username = %s", name,
    )  # fmt: skip


def run(cli: Cli, database: Database, *command: str) -> str:
    result = cli(*command, "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


@pytest.mark.parametrize("how", ["maintain", "purge"])
def test_erased_held_restored_released_and_then_erased(cli: Cli, aged: Database, how: str) -> None:
    """The months are dropped, the user is erased and held, the months are restored: the hold keeps content and reactions."""
    run(cli, aged, *RETIRE)
    erase(aged, "bobby")
    run(cli, aged, "hold", "add", "--everything", "--reason", "case 7")
    for month in (JANUARY, FEBRUARY):
        run(cli, aged, "partition", "restore", month)
    kept, reactions = aged.one(CONTENT), aged.one(REACTIONS)
    assert kept > 100
    assert reactions > 100
    command = ("maintain",) if how == "maintain" else ("partition", "purge")
    run(cli, aged, *command)
    assert (aged.one(CONTENT), aged.one(REACTIONS)) == (kept, reactions), "the hold is active"
    due = aged.one("select count(*) from chatschema.deferred_erasures")
    released = run(cli, aged, "hold", "release", "1", "--reason", "closed")
    assert f"{due} rows whose erasure it deferred are due now: chatschema maintain" in released
    assert f"erased {due} rows" in run(cli, aged, *command)
    assert (aged.one(CONTENT), aged.one(REACTIONS)) == (0, 0)
    linked = "select count(*) from public.attachments as a join public.messages as m on m.id = a.message_id join public.users as u on u.id = m.sender_id where u.username like 'deleted-%%'"
    assert aged.one(linked) == 0, "the file of an erased message is the collector's"
    # Nobody else lost anything, and the next run has nothing to do.
    assert aged.one("select count(*) from public.messages where content_encrypted is null and sender_id <> (select id from public.users where username like 'deleted-%%')") == 0  # fmt: skip
    assert aged.one("select count(*) from chatschema.deferred_erasures") == 0
    assert "erased" not in run(cli, aged, *command)


def test_a_release_while_the_month_is_away_is_honoured_when_it_comes_back(cli: Cli, aged: Database) -> None:
    run(cli, aged, "hold", "add", "--user", "bobby", "--reason", "x")
    aged.run(
        "update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null, edit_history = '[]'"
        " where sender_id = (select id from public.users where username = 'bobby') and content_encrypted is not null"
    )
    tombstones = aged.one("select count(*) from chatschema.deferred_erasures")
    assert tombstones > 100
    assert aged.one("select count(*) from public.messages where is_deleted and content_encrypted is not null") >= tombstones
    # The archives are written under the hold, and have the content.
    run(cli, aged, *RETIRE, "--holds", "carve")
    assert there(aged, JANUARY) == {}
    run(cli, aged, "hold", "release", "1", "--reason", "closed")
    run(cli, aged, "partition", "restore", JANUARY)
    left = "select count(*) from public.messages where content_encrypted is not null and id in (select message_id from chatschema.deferred_erasures)"
    assert aged.one(left) == 0
    run(cli, aged, "maintain")
    # Those of January are done; those of February wait for it.
    assert 0 < aged.one("select count(*) from chatschema.deferred_erasures") < tombstones
    run(cli, aged, "partition", "restore", FEBRUARY)
    run(cli, aged, "maintain")
    assert aged.one("select count(*) from chatschema.deferred_erasures") == 0


def test_a_deferred_erasure_of_a_message_that_is_gone_is_forgotten(cli: Cli, aged: Database) -> None:
    aged.run("insert into chatschema.deferred_erasures (message_id, origin) values (chatschema.uuid7(), 'tombstone')")
    run(cli, aged, "maintain")
    assert aged.one("select count(*) from chatschema.deferred_erasures") == 0


def test_a_second_hold_goes_on_deferring(cli: Cli, aged: Database) -> None:
    run(cli, aged, *RETIRE)
    erase(aged, "bobby")
    run(cli, aged, "hold", "add", "--everything", "--reason", "one")
    run(cli, aged, "hold", "add", "--to", "2024-02-01", "--reason", "two")
    for month in (JANUARY, FEBRUARY):
        run(cli, aged, "partition", "restore", month)
    run(cli, aged, "hold", "release", "1", "--reason", "closed")
    run(cli, aged, "maintain")
    by_month = aged.all(
        "select to_char(chatschema.uuid7_time(m.id) at time zone 'UTC', 'YYYY-MM'), count(*) filter (where content_encrypted is not null)"
        " from public.messages as m join public.users as u on u.id = m.sender_id where u.username like 'deleted-%' group by 1 order by 1"
    )
    assert by_month[0][0] == JANUARY
    assert by_month[0][1] > 0
    assert by_month[1] == (FEBRUARY, 0)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_an_erasure_that_commits_while_the_attach_waits_is_applied(cli: Cli, aged: Database, isolation: str) -> None:
    run(cli, aged, *RETIRE)
    make_hostile(aged, {"default_transaction_isolation": isolation})
    with aged.connect() as officer:
        officer.execute("begin isolation level read committed")
        officer.execute(
            "insert into chatschema.erasures (subject_type, subject_id) select 'user', id from public.users where username = 'bobby'"
        )
        threading.Timer(1.5, officer.execute, ("commit",)).start()
        run(cli, aged, "partition", "restore", JANUARY)
    left = "select count(*) from public.messages where content_encrypted is not null and sender_id = (select id from public.users where username = 'bobby')"
    assert aged.one(left) == 0
    assert aged.one(left.replace("'bobby'", "'alice'")) > 0


def test_what_was_deleted_under_a_released_hold_is_not_archived(cli: Cli, aged: Database, tmp_path: Path) -> None:
    import zstandard

    run(cli, aged, "hold", "add", "--everything", "--reason", "x")
    aged.run(
        "update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null, edit_history = '[]'"
        " where content_encrypted is not null"
    )
    assert aged.one("select count(*) from public.messages where content_encrypted is not null") > 100
    # Detached while the hold is active, released in the days of grace.
    run(cli, aged, "partition", "retire", "--older-than", "12mo", "--holds", "carve")
    run(cli, aged, "hold", "release", "1", "--reason", "closed")
    run(cli, aged, "maintain")
    run(cli, aged, *RETIRE)
    for month in (JANUARY, FEBRUARY):
        with (tmp_path / "archives" / month / "messages.csv.zst").open("rb") as file:
            text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
        assert "\\x00ff0a" not in text, month
    assert aged.one("select count(*) from chatschema.deferred_erasures") == 0
