"""Reports on a database damaged on purpose: each damage is found, and the fix that is printed makes it go away."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.damage import TOML, damage, idle, queue
from tests.support.database import Database, create
from tests.support.reports import FSYNC, findings, run_fix, serious
from tests.support.servers import PgServer


@pytest.fixture
def damaged(server: PgServer, seeded_template: str, tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "chatschema.toml").write_text(TOML + FSYNC)
    for database in create(server, f"damaged_{time.time_ns()}", seeded_template):
        damage(database)
        yield database


def test_each_damage_is_found_and_its_fix_mends_it(cli: Cli, damaged: Database) -> None:
    with queue(damaged) as pids, idle(damaged) as forgotten:
        found = serious(findings(cli, damaged))
        by_check = {(f["report"], f["check"], f["object"]): f for f in found.values()}

        unused = by_check["indexes", "unused", "public.idx_bulk_payload"]
        assert unused["value"] == damaged.one("select pg_relation_size('public.idx_bulk_payload')") > 50_000_000
        assert unused["fix"] == "drop index concurrently public.idx_bulk_payload;"
        assert unused["undo"] == "CREATE INDEX CONCURRENTLY idx_bulk_payload ON public.bulk USING btree (payload);"

        duplicate = next(f for f in found.values() if f["check"] == "duplicate")
        assert {duplicate["object"], duplicate["message"].split()[3].rstrip(",")} == {
            "public.idx_users_status",
            "public.idx_users_status_again",
        }
        redundant = by_check["indexes", "redundant", "public.idx_attachments_conversation_id"]
        assert redundant["message"].startswith("public.idx_attachments_conversation_created_at begins with the same keys")
        assert (
            by_check["indexes", "invalid", "public.labels_name_key"]["fix"] == "reindex index concurrently public.labels_name_key;"
        )
        missing = by_check["indexes", "missing", "public.reactions.reactions_user_id_fkey"]
        assert missing["value"] == 12000
        assert missing["fix"] == "create index concurrently idx_reactions_user_id on public.reactions (user_id);"

        blocking = next(f for f in found.values() if f["report"] == "locks")
        assert blocking["object"].startswith(str(pids[0]))
        assert "sessions blocked: 3, " in blocking["message"]
        idling = next(f for f in found.values() if f["check"] == "idle" and f["object"].startswith(str(forgotten)))
        assert "forgotten" in idling["object"]
        assert 1000 < idling["value"] < 60_000
        assert idling["fix"] == f"select pg_terminate_backend({forgotten});"

        dead = by_check["vacuum", "dead", "public.outbox"]
        assert dead["message"].startswith("about 60000 of 100000 rows are dead (60 %, about ")
        assert dead["value"] == 60
        gaps = [f for f in found.values() if f["check"] == "gap"]
        assert {f["object"] for f in gaps} == {"public.messages", "public.message_statuses"}
        sequence = by_check["sequences", "used", "public.ticket_seq"]
        assert (round(sequence["value"]), sequence["severity"]) == (95, "critical")
        (slow,) = [f for f in found.values() if f["check"] == "slow"]
        assert "from public.bulk where md5" in slow["object"], "what sleeps is not slow"
        assert 60 <= slow["value"] < 60_000

        # Nothing else was damaged, and nothing else is found.
        expected = {
            "unused",
            "duplicate",
            "redundant",
            "invalid",
            "missing",
            "blocking",
            "idle",
            "dead",
            "overdue",
            "gap",
            "used",
            "slow",
        }
        assert {f["check"] for f in found.values()} <= expected
        # Duplicate rows are removed by hand first, as the finding asks.
        assert "remove duplicate rows" in by_check["indexes", "invalid", "public.labels_name_key"]["message"]

        damaged.run("delete from public.labels where ctid = (select max(ctid) from public.labels)")
        # Who holds the others up goes first, as drops and rebuilds would wait for them.
        for finding in sorted(found.values(), key=lambda f: f["report"] not in ("locks", "transactions")):
            run_fix(cli, damaged, finding["fix"])
    damaged.one("select pg_stat_force_next_flush()")
    time.sleep(0.5)
    # The fix of a slow query shows its plan; what has been counted stays counted.
    assert list(serious(findings(cli, damaged))) == [slow["id"]]


def test_a_fresh_demo_has_no_finding(cli: Cli, server: PgServer, seeded_template: str, tmp_path: Path) -> None:
    # The database that was migrated and seeded itself: a clone of it has no statistics of that.
    demo = Database(server, seeded_template)
    (tmp_path / "chatschema.toml").write_text(FSYNC)
    demo.run("create extension if not exists pg_stat_statements")
    result = cli("report", "--fail-on", "warn", "--url", demo.url)
    assert result.code == 0, result.out + result.err
    assert serious(findings(cli, demo)) == {}
    reports = cli("report", "--json", "--url", demo.url).json()["reports"]
    assert {report["name"] for report in reports} >= {
        "indexes", "queries", "cache", "connections", "locks", "transactions", "vacuum", "wraparound", "bloat", "tables",
        "replication", "partitions", "sequences", "settings", "activity", "wal",
    }  # fmt: skip
    assert next(report for report in reports if report["name"] == "queries")["rows"][0]["query"].startswith("copy")
