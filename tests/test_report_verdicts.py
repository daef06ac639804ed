"""What reports say of a busy or odd server: who is at the root, and what is no fault."""

import time
from contextlib import ExitStack, closing

import psycopg
from conftest import Cli, Database
from reports import answer


def test_forty_that_want_one_row_are_one_tree(cli: Cli, seeded: Database) -> None:
    update = b"update public.wanted set times = times + 1"
    seeded.run("create table public.wanted (times integer); insert into public.wanted values (0)")
    with ExitStack() as stack:
        sessions = [stack.enter_context(closing(psycopg.connect(seeded.url, autocommit=True))) for _ in range(40)]
        first, *others = sessions
        pids = [str(session.info.backend_pid) for session in sessions]
        first.execute(b"begin; " + update)
        for session in others:
            session.pgconn.send_query(update)
        waiting = "select count(*) from pg_locks as l join pg_stat_activity as a using (pid) where not granted and datname = %s"
        deadline = time.monotonic() + 10
        while seeded.one(waiting, seeded.name) < 39:
            assert time.monotonic() < deadline, "they do not wait"
            time.sleep(0.02)
        started = time.monotonic()
        (report,) = answer(cli, seeded.url, "locks")["reports"]
        assert time.monotonic() - started < 2
        seeded.all("select pg_terminate_backend(pid) from unnest(%s::integer[]) as pid", pids[1:])
    assert sorted(row["session"].strip(" -") for row in report["rows"]) == sorted(pids)
    (finding,) = report["findings"]
    assert finding["object"].startswith(f"{pids[0]} (")
    assert "holds up 39: " in finding["message"]
