"""What the rows are like after recipes: keys that go on counting, two releases that write a split table, NOT NULL after an upgrade."""

from pathlib import Path

import psycopg
import pytest

from tests.support.database import Database
from tests.support.recipe_cases import CASES, Case
from tests.support.recipes import Written, migrate, normal, undo, write

SCANS = "scan_engine, scan_state, scan_note, scanned_by"
UPLOAD = """
    insert into public.attachments (conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm{columns})
    select conversation_id, user_id, gen_random_uuid()::text, 1, sha256('x'), 'a'{values} from public.load where n = 1 returning id
"""
PRESENT = """
    select contype::text from pg_constraint
    where conrelid = 'public.messages'::regclass and conname ~ '^messages_sender_id_not_null'
"""


def begun(name: str, database: Database, folder: Path) -> tuple[Case, Written]:
    """Prepare the database for a case, and write its files."""
    (case,) = (case for case in CASES if case.name == name)
    if case.before:
        database.run(case.before)
    return case, write([case], database, folder)


@pytest.fixture
def talking(migrated: Database) -> Database:
    """A database with people who talk, and three of their files."""
    migrated.run(
        "insert into public.users (username) values ('somebody'); insert into public.conversations (title) values ('talk');"
        "create table public.load as select 1 as n, c.id as conversation_id, u.id as user_id from public.users as u, public.conversations as c;"
        "insert into public.conversation_participants (conversation_id, user_id) select conversation_id, user_id from public.load"
    )
    for _ in range(3):
        migrated.run(UPLOAD.format(columns="", values=""))
    return migrated


def test_a_widened_key_goes_on_counting_beyond_an_integer(migrated: Database, tmp_path: Path) -> None:
    _, written = begun("widen a key", migrated, tmp_path)
    before = migrated.all("select * from public.ballots order by id")
    # The next number is not the one after the last row.
    migrated.run("delete from public.ballots where id = (select max(id) from public.ballots)")
    last = before.pop()[0]
    assert migrate(migrated, written, tmp_path).code == 0
    rows = "select id, question, updated_at from public.ballots order by id"
    assert migrated.all(rows) == before
    add = "insert into public.ballots (question) values ('who?') returning id"
    assert migrated.one(add) == last + 2
    migrated.run("select setval(pg_get_serial_sequence('public.ballots', 'id'), 2147483646)")
    large = migrated.one(add)
    assert large == 2147483648
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        migrated.run("insert into public.votes (ballot_id, voter) values (%s, 1)", large)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        migrated.run("insert into public.votes (ballot_id, voter) values (1, 1)")
    migrated.run("delete from public.ballots where id = %s", before[0][0])
    assert migrated.one("select count(*) from public.votes where ballot_id = %s", before[0][0]) == 0
    refused = undo(migrated, written, tmp_path)
    assert (refused.code, "out of range" in refused.err) == (1, True), refused.err


def test_two_releases_write_a_split_table_and_no_row_is_lost(talking: Database, tmp_path: Path) -> None:
    _, written = begun("split a table", talking, tmp_path)
    state = normal(talking)
    before = talking.all(f"select id, {SCANS} from public.attachments order by id")
    assert migrate(talking, written, tmp_path, "--phase", "expand").code == 0
    assert talking.all("select * from public.scans order by id") == before
    assert talking.all("select * from public.scans_rows order by id") == before
    old = talking.one(UPLOAD.format(columns=", scan_engine, scan_state", values=", 'clam', 'clean'"))
    talking.run("update public.attachments set scan_note = '{}' where id = %s", old)
    new = talking.one(UPLOAD.format(columns="", values=""))
    assert talking.one("select count(*) from public.scans where id = %s", new) == 0
    talking.run("insert into public.scans (id, scan_engine) values (%s, 'other')", new)
    talking.run("update public.scans set scan_state = 'infected' where id = %s", new)
    assert talking.one(f"select {SCANS} from public.attachments where id = %s", new) == ("other", "infected", None, None)
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="no row of attachments"):
        talking.run("insert into public.scans (id, scan_engine) values (gen_random_uuid(), 'x')")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="deleted with their row"):
        talking.run("delete from public.scans")
    talking.run("delete from public.attachments where id = %s", before[0][0])
    both = talking.all("select * from public.scans order by id")
    assert both[-2:] == [(old, "clam", "clean", {}, None), (new, "other", "infected", None, None)]
    times = talking.all("select id, updated_at from public.attachments order by id")
    assert migrate(talking, written, tmp_path).code == 0
    assert talking.all("select * from public.scans order by id") == both
    assert undo(talking, written, tmp_path).code == 0
    assert talking.all(f"select id, {SCANS} from public.attachments order by id") == both
    assert talking.all("select id, updated_at from public.attachments order by id") == times
    assert normal(talking) == state


def test_not_null_is_set_after_the_server_was_upgraded_in_between(migrated: Database, tmp_path: Path) -> None:
    """PostgreSQL 15 leaves a check after the second file. On 18 nobody waits for the third one, unless it finds such a check."""
    _, written = begun("not null", migrated, tmp_path)
    assert migrate(migrated, written, tmp_path, "--to", written.ids[1]).code == 0
    is_native = migrated.server.version >= 180000
    assert migrated.all(PRESENT) == [("n" if is_native else "c",)]
    if is_native:
        with migrated.connect() as reader, reader.transaction():
            reader.execute("select from public.messages")
            assert migrate(migrated, written, tmp_path).code == 0
        assert undo(migrated, Written(written.sql_dir, written.ids[2:]), tmp_path).code == 0
        migrated.run(
            "alter table public.messages drop constraint messages_sender_id_not_null;"
            "alter table public.messages add constraint messages_sender_id_not_null check (sender_id is not null)"
        )
    assert migrate(migrated, written, tmp_path).code == 0
    assert migrated.all(PRESENT) == ([("n",)] if is_native else [])
    assert migrated.one(
        "select attnotnull from pg_attribute where attrelid = 'public.messages'::regclass and attname = 'sender_id'"
    )
