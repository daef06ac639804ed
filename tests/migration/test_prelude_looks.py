"""The look that comes before the first lock: what the dry run prints of it, and that it waits for nobody."""

from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.pace import long


def test_the_dry_run_prints_the_locks_and_what_cannot_be_read(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    text = "-- users: a note.\nalter table public.users add column note text;\ndo 'begin perform 1; end';\nupdate public.users set note = '';"
    write(sql_dir, NEXT, f"{text}\ncreate table public.polls (id uuid references public.conversations (id));")
    options = ("migrate", "--dry-run", "--scratch", "none", "--url", seeded.url, "--sql-dir", str(sql_dir))
    printed = cli(*options)
    assert printed.code == 0, printed.err
    assert (
        "-- locks before its first statement: public.users (access exclusive), public.conversations (share row exclusive)\n"
        in printed.out
    )
    assert "-- line 3 runs code (do): its locks are not known before, and are not taken before\n" in printed.out
    answer = cli(*options, "--json").json()
    assert [(one["table"], one["mode"]) for one in answer["locks"]] == [
        ("public.users", "access exclusive"), ("public.conversations", "share row exclusive"),
    ]  # fmt: skip
    assert answer["unread"] == [{"id": NEXT, "line": 3, "statement": "do"}]


def test_the_dry_run_foretells_no_locks_of_an_online_index(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    """It takes them after its preparation, in other modes."""
    write(sql_dir, NEXT, "-- online: index\ncreate index i on public.messages (created_at);")
    printed = cli("migrate", "--dry-run", "--url", seeded.url, "--sql-dir", str(sql_dir))
    assert printed.code == 0, printed.err
    assert "locks before" not in printed.out


@long
def test_a_locked_month_is_not_waited_for_before_the_first_lock(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "-- lock-attempts: 1\nalter table public.messages add column note text;")
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    with aged.connect() as other:
        other.execute("begin; lock table chat_partitions.messages_y2024m01, chat_partitions.messages_y2024m02")
        printed = cli("migrate", "--dry-run", *options, timeout=30)
        assert "-- locks before its first statement: public.messages (access exclusive)\n" in printed.out, printed.err
        refused = cli("migrate", *options)
        assert refused.code == 5
        assert "could not acquire the lock after 1 attempts" in refused.err
