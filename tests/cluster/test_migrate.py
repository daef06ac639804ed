"""Migrations, their rollbacks and status on a distributed database. Needs a Citus cluster."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.citus import Citus, Worker, database, needs_citus, settled, workers
from tests.support.cli import Cli, Result, clean_environment, run_cli
from tests.support.migrations import NEXT, write

pytestmark = needs_citus
IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
KILLS, SHARDS = (10, "32") if IS_FULL else (2, "2")
POLLS = """\
-- polls: a question to the participants of a conversation.
-- Why: a test.
-- Cluster: by conversation_id
create table public.polls (
    conversation_id uuid not null constraint polls_conversation_id_fkey references public.conversations (id),
    id uuid not null default chatschema.uuid7(),
    constraint polls_pkey primary key (conversation_id, id)
);
insert into public.polls (conversation_id) select id from public.conversations;
alter table public.messages add column note text;
comment on column public.messages.note is 'A note.';
alter table public.conversations add column owner_id uuid;
alter table public.conversations add constraint conversations_owner_id_fkey foreign key (owner_id) references public.users (id);
comment on table public.conversations is 'Another sentence.';
"""
POLLS_BACK = """\
alter table public.conversations drop column owner_id;
comment on table public.conversations is 'Conversations: direct (two people) or group.';
alter table public.messages drop column note;
drop table public.polls;
"""
# Each with the words of Citus, and a word of what to type instead.
REFUSED = (
    ("alter table public.conversations add constraint by_title unique (title);", "that do not include the partition column", "in front"),
    ("create unique index by_title on public.conversations (title);", "unique indexes on non-partition columns", "reference table"),
    ("create trigger t before insert on public.messages for each row execute function suppress_redundant_updates_trigger();",
     "triggers are not supported on distributed tables", "citus.enable_unsafe_triggers"),
    ("update public.messages set created_at = clock_timestamp();", "must not be VOLATILE", "or now()"),
    ("create policy p on public.messages for select using (exists (select from public.users));", "SubLink", "a setting"),
    ("alter table public.messages add column n bigint generated always as identity;", "identity columns", "chatschema.uuid7()"),
    ("create table public.t (id int primary key); alter table public.conversations add column t int;"
     " alter table public.conversations add constraint f foreign key (t) references public.t (id);",
     "must be a distributed table or a reference table", "-- Cluster: reference"),
    ("alter table public.conversations rename constraint conversations_pkey to p;", "renaming constraints", "add it under the new name"),
)  # fmt: skip
# What Citus would do, and what the distributed database rests on.
RESTS_ON = (
    ("create or replace function chatschema.set_updated_at() returns trigger language plpgsql as $$ begin return new; end $$;",
     "function chatschema.set_updated_at()"),
    ("drop policy if exists messages_member_select on public.messages;", "policy public.messages.messages_member_select"),
    ("alter table public.messages rename to chat_messages;", "table public.messages"),
    ("create table public.t (id int, c uuid references public.conversations (id));", "foreign key public.t.t_c_fkey"),
)  # fmt: skip


@pytest.fixture(scope="module")
def citus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Citus]:
    """A distributed database with demo data; each test leaves it as it was."""
    with database() as made:
        for command in (["migrate"], ["seed"], ["cluster", "distribute", "--shards", SHARDS, "--yes"]):
            done = run_cli(*command, "--url", made.url, cwd=tmp_path_factory.mktemp("citus"), timeout=1200)
            assert done.code == 0, done.err
        yield made


def _own(sql_dir: Path, text: str, back: str = "select 1;", *, name: str = NEXT) -> tuple[str, str]:
    write(sql_dir, name, text, back)
    return "--sql-dir", str(sql_dir)


def _ran(done: Result) -> Result:
    assert done.code == 0, done.err
    return done


def test_a_migration_and_its_rollback(citus: Citus, cli: Cli, sql_dir: Path) -> None:
    own = _own(sql_dir, POLLS, POLLS_BACK)
    planned = _ran(cli("migrate", "--dry-run", *own, "--url", citus.url))
    assert (
        "select create_distributed_table('public.polls', 'conversation_id', colocate_with => 'public.conversations')" in planned.out
    )
    assert citus.one("select to_regclass('public.polls') is null") is True
    _ran(cli("migrate", *own, "--url", citus.url))
    colocated = "select count(distinct colocationid) from pg_dist_partition where logicalrelid in ('public.polls'::regclass, 'public.messages'::regclass)"
    assert citus.one(colocated) == 1
    assert citus.one("select count(*) from public.polls") == citus.one("select count(*) from public.conversations")
    _ran(cli("verify", *own, "--url", citus.url))
    assert "nothing to do" in _ran(cli("migrate", *own, "--url", citus.url)).out
    undo = _ran(cli("undo", "--dry-run", *own, "--url", citus.url))
    assert "would drop table polls" in undo.out
    assert cli("undo", *own, "--url", citus.url).code == 2
    _ran(cli("undo", "--yes", *own, "--url", citus.url))
    assert citus.one("select to_regclass('public.polls') is null") is True
    _ran(cli("verify", "--url", citus.url))


def test_what_is_refused_is_found_before(citus: Citus, cli: Cli, sql_dir: Path) -> None:
    own = _own(sql_dir, "-- many: things that Citus refuses.\n" + "\n".join(text for text, _, _ in REFUSED))
    done = cli("migrate", "--dry-run", *own, "--url", citus.url)
    assert done.code == 1
    assert "error[cluster.refused]" in done.err
    assert "Traceback" not in done.err
    for _, words, instead in REFUSED:
        assert words in done.err, words
        assert instead in done.err, instead
    before = citus.rows("select migration_id from chatschema.migrations order by 1")
    real = cli("migrate", *own, "--url", citus.url)
    assert (real.code, real.out) == (1, "")
    assert citus.rows("select migration_id from chatschema.migrations order by 1") == before


def test_what_the_cluster_rests_on_stays(citus: Citus, cli: Cli, sql_dir: Path) -> None:
    for text, object in RESTS_ON:
        own = _own(sql_dir, f"-- rests: on.\n{text}")
        done = cli("migrate", *own, "--url", citus.url)
        assert done.code == 1, done.err
        assert object in done.err
        # Without a copy it is found at the end of the transaction, or by its name.
        done = cli("migrate", "--scratch", "none", *own, "--url", citus.url)
        assert done.code == 1, done.err
        assert object in done.err
    last = citus.one("select max(migration_id) from chatschema.migrations")
    undo = cli("undo", "--yes", "--url", citus.url)
    assert undo.code == 1
    assert f"error[cluster.rests-on]: {last}" in undo.err
    _ran(cli("verify", "--url", citus.url))


def test_an_index_by_months_and_batches_by_conversation(citus: Citus, cli: Cli, sql_dir: Path) -> None:
    batch = (
        "-- messages: touch.\n-- batch: public.messages by {0}\nupdate public.messages set is_deleted = is_deleted where {{batch}};"
    )
    own = _own(sql_dir, batch.format("id"))
    by_id = cli("migrate", *own, "--url", citus.url)
    assert "error[batch.key-index]" in by_id.err
    assert "by conversation_id" in by_id.err
    _own(sql_dir, batch.format("conversation_id"))
    index = "-- messages: find by type.\n-- online: index\ncreate index idx_messages_type on public.messages (message_type);"
    _own(sql_dir, index, "drop index public.idx_messages_type;", name="20990101000001_find_by_type")
    done = _ran(cli("migrate", *own, "--url", citus.url))
    assert "building public.idx_messages_type concurrently" in done.err
    assert citus.one("select bool_and(indisvalid) from pg_index where indexrelid = 'public.idx_messages_type'::regclass") is True
    _ran(cli("undo", "--steps", "2", "--yes", *own, "--url", citus.url))
    assert citus.one("select to_regclass('public.idx_messages_type') is null") is True


def test_a_killed_migration_is_done_or_not(citus: Citus, cli: Cli, sql_dir: Path) -> None:
    own = _own(sql_dir, POLLS, POLLS_BACK)
    there = "select to_regclass('public.polls') is not null and exists (select from pg_dist_partition where logicalrelid = to_regclass('public.polls'))"
    begun = time.monotonic()
    _ran(cli("migrate", "--scratch", "none", *own, "--url", citus.url))
    took = time.monotonic() - begun
    _ran(cli("undo", "--yes", *own, "--url", citus.url))
    chance, ends = random.Random(19), []
    for _ in range(KILLS):
        command = [sys.executable, "-m", "chatschema", "migrate", "--scratch", "none", *own, "--url", citus.url]
        with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            time.sleep(chance.uniform(0.2, took))
            running.kill()
        settled(citus)
        recorded = citus.one(f"select exists (select from chatschema.migrations where migration_id = '{NEXT}')")
        assert citus.one(there) is recorded
        ends.append(recorded)
        _ran(cli("migrate", *own, "--url", citus.url))
        assert citus.one(there) is True
        _ran(cli("undo", "--yes", *own, "--url", citus.url))
    print(f"killed {KILLS} times: {ends.count(True)} done, the others as before")


def test_a_dump_has_the_form_of_the_place(citus: Citus, cli: Cli) -> None:
    done = _ran(cli("schema", "dump", "--url", citus.url))
    assert "PRIMARY KEY (conversation_id, id)" in done.out
    assert "the database is distributed" in done.err


def test_status_names_each_node(citus: Citus, cli: Cli) -> None:
    nodes = _ran(cli("status", "--json", "--url", citus.url)).json()["nodes"]
    assert [one["is_coordinator"] for one in nodes] == [True, False, False]
    assert all(one["is_reachable"] and one["bytes"] > 0 and one["shards"] > 0 for one in nodes)
    worker: Worker = workers()[0]
    worker.stop()
    try:
        done = cli("status", "--check", "--url", citus.url)
        assert done.code == 3, done.err
        line = next(line for line in done.out.splitlines() if line.startswith(f"{worker.host}:{worker.port}"))
        assert "does not answer" in line
        assert f"look at: node {worker.host}:{worker.port} does not answer" in done.out
        assert "Traceback" not in done.err
        found = cli("status", "--json", "--url", citus.url).json()
        assert [one["rows"] for one in found["tables"] if one["table"] == "messages"] == [None]
    finally:
        worker.start()
    _ran(cli("status", "--check", "--url", citus.url))


def test_the_way_back_has_what_a_migration_changed(citus: Citus, cli: Cli, sql_dir: Path) -> None:
    dropped = "alter table public.conversation_participants drop constraint conversation_participants_user_id_fkey;"
    own = _own(sql_dir, POLLS + dropped)
    _ran(cli("migrate", *own, "--url", citus.url))
    _ran(cli("cluster", "undistribute", "--yes", *own, "--url", citus.url, timeout=1200))
    _ran(cli("verify", *own, "--url", citus.url))
    assert citus.one("select obj_description('public.conversations'::regclass)") == "Another sentence."
