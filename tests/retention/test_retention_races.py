"""A run that is killed, beside another one, with a hold placed meanwhile, and under hostile defaults: exactly the due rows go."""

import os
import signal
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import PASSWORD, kept, sealed
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.hostile import make_hostile
from tests.support.pace import long
from tests.support.reports import until

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
RUN = ("retention", "run", "--yes", "--pace", "0")


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(kept.TOML)


def expected(database: Database) -> dict[str, set[object]]:
    """Return which rows have to go, by table."""
    at = str(database.one("select now()"))
    gone: dict[str, set[object]] = {}
    for rule, truth in kept.TRUTHS.items():
        gone.setdefault(truth.table, set()).update(kept.keys(database, rule, at))
    return gone


def lost(before: dict[str, set[object]], after: dict[str, set[object]]) -> dict[str, set[object]]:
    return {table: before[table] - after[table] for table in before}


def killed(database: Database, folder: Path, step: int) -> int:
    """Run, die with SIGKILL at this statement that writes, and return the exit code."""
    command = [sys.executable, "-m", "tests.support.killed", str(step), "during", *RUN, "--url", database.url]
    return subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, check=False).returncode


@long
def test_killed_again_and_again_it_ends_with_the_same(cli: Cli, chat: Database, tmp_path: Path) -> None:
    before, gone = kept.every(chat), expected(chat)
    for step in (2, 9, 30, 61) if FULL else (9, 40):
        assert killed(chat, tmp_path, step) == -signal.SIGKILL
        so_far = lost(before, kept.every(chat))
        assert all(so_far[table] <= gone[table] for table in gone), step
    done = cli(*RUN, "--url", chat.url)
    assert done.code == 0, done.err
    assert lost(before, kept.every(chat)) == gone


def test_two_at_once_remove_each_row_once(cli: Cli, chat: Database) -> None:
    before, gone = kept.every(chat), expected(chat)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: cli(*RUN, "--json", "--url", chat.url), range(2)))
    # The one that ended first may have left rows that the other had in hand.
    assert {done.code for done in both} <= {0, 3}, [done.err for done in both]
    assert lost(before, kept.every(chat)) == gone
    removed = sum(one["count"] for done in both for one in done.json()["removed"])
    assert removed == sum(len(rows) for rows in gone.values())


def test_a_hold_that_is_placed_while_it_runs_keeps_what_is_left(cli: Cli, chat: Database) -> None:
    """The run waits for the hold that is being placed, and reads it then."""
    before = kept.every(chat)
    with chat.connect() as lawyer, ThreadPoolExecutor(1) as pool:
        lawyer.execute("begin; insert into chatschema.holds (reason) values ('everything')")
        waiting = pool.submit(cli, *RUN, "--json", "--url", chat.url)
        until(chat, "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and query like 'lock table%'")
        lawyer.execute("commit")
        done = waiting.result()
    assert done.code == 0, done.err
    removed = {one["rule"] for one in done.json()["removed"]}
    after = kept.every(chat)
    # A hold on all messages covers no sessions and keys, which one on a person does; nor what nobody can find a message by.
    assert removed <= {"sessions", "keys", "erased_names", "released_attachments"}
    for table in ("public.messages", "public.attachments"):
        assert before[table] == after[table]


@pytest.mark.parametrize("isolation", ["repeatable read", *(["serializable"] if FULL else [])])
def test_under_hostile_defaults_a_plain_owner_removes_the_same(cli: Cli, chat: Database, tmp_path: Path, isolation: str) -> None:
    """Of a role that is no superuser, and whose database has other defaults."""
    role = f"owner_{uuid.uuid4().hex[:8]}"
    config = tmp_path / "chatschema.toml"
    config.write_text(kept.TOML + '[audit]\nkeep = "7y"\narchive_dir = "trail"\n')
    owned = chat.all(
        "select format('alter %%s %%s owner to %%I', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass, %s::text)"
        " from pg_class as c where c.relnamespace in ('public'::regnamespace, 'chatschema'::regnamespace, to_regnamespace('chat_partitions'))"
        " and c.relkind in ('r', 'p', 'v')"
        " union all select format('alter routine %%s owner to %%I', p.oid::regprocedure, %s::text) from pg_proc as p"
        " where p.pronamespace = 'chatschema'::regnamespace",
        role, role,
    )  # fmt: skip
    chat.run(f"create role {role} login password '{PASSWORD}'")
    try:
        chat.run("; ".join(row[0] for row in owned))
        chat.run(
            f"alter schema chatschema owner to {role}; alter schema public owner to {role}; alter schema chat_partitions owner to {role}"
        )
        make_hostile(chat, {"default_transaction_isolation": isolation, "timezone": "Pacific/Kiritimati", "row_security": "on"})
        before, gone = kept.every(chat), expected(chat)
        url = chat.server.url(chat.name, user=role, password=PASSWORD)
        done = cli(*RUN, "--url", url)
        assert done.code == 0, done.err
        assert lost(before, kept.every(chat)) == gone
        assert cli("audit", "seal", "--url", url).code == 0
        assert sealed.verified(chat).findings == ()
    finally:
        chat.run(f"reassign owned by {role} to current_user; drop owned by {role}; drop role {role}")


def test_a_role_that_only_reads_plans_and_changes_nothing(cli: Cli, chat: Database) -> None:
    role = f"reader_{uuid.uuid4().hex[:8]}"
    chat.run(f"create role {role} login password '{PASSWORD}'")
    try:
        url = chat.server.url(chat.name, user=role, password=PASSWORD)
        refused = cli("retention", "plan", "--url", url)
        assert (refused.code, "Traceback" in refused.err, "this is a bug" in refused.err) == (1, False, False), refused.err
        before = kept.every(chat)
        assert cli(*RUN, "--url", url).code == 1
        assert kept.every(chat) == before
    finally:
        chat.run(f"drop owned by {role}; drop role {role}")
