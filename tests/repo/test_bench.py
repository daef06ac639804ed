"""Benches run to their ends and print every line; their numbers are for machines that do nothing else."""

import subprocess
import sys

from tests.support import ROOT
from tests.support.cli import clean_environment
from tests.support.pace import long


def small(module: str) -> list[str]:
    """Run a bench in its small form; return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--small"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@long
def test_the_bench_of_the_engine_prints_every_line() -> None:
    lines = [line[:30].rstrip() for line in small("bench.engine")[2:]]
    assert lines == [
        "status",
        "migrate, nothing to do",
        "20 files, net",
        "20 files, net",
        "file of 1 MB",
        "its peak memory",
        "dbmate",
    ]


@long
def test_the_bench_of_seeds_prints_every_line() -> None:
    lines = [line[:40].strip() for line in small("bench.seed")[3:]]
    assert lines[:3] == ["chatschema seed, start-up included", "its peak memory", "people, all connections"]
    assert lines[-2:] == ["messages and statuses; size of the datab", "plain COPY of the same rows into bare ta"]


@long
def test_the_bench_of_access_prints_every_aim() -> None:
    """Each with the kind of plan, for users in 10 and 2,000 conversations."""
    rows = [line for line in small("bench.access") if line.endswith(tuple("0123456789")) and " ms" in line]
    found = sorted((line[:62].strip().partition(",")[0], line[62:71].strip(), float(line.split()[-1])) for line in rows)
    pages = [(f"{page} page", plan, aim) for page, plan, aim in (
        ("newest", "custom", 1.3), ("keyset", "custom", 1.3), ("newest", "generic", 2.5), ("keyset", "generic", 3.5),
    ) for _ in range(4)]  # fmt: skip
    named = [("transaction", "generic", 1.4)] * 4
    writes = [(write, "generic", aim) for write, aim in (("send", 1.5), ("status upsert", 3.0)) for _ in range(2)]
    lists = [("conversation list", "generic", 1.5), ("conversation list", "generic", 6.0)]
    assert found == sorted([*pages, *named, *writes, *lists])
    assert {words for line in rows for words in ("user in 10 ", "user in 2,000 ") if words in line} == {
        "user in 10 ",
        "user in 2,000 ",
    }


@long
def test_the_bench_of_events_prints_every_line() -> None:
    assert [line[:30].rstrip() for line in small("bench.events")[4:]] == [
        "a message a transaction",
        "a message a statement",
        "3,000 messages a statement",
    ]


@long
def test_the_bench_of_verify_prints_every_line() -> None:
    assert [line[:34].rstrip() for line in small("bench.verify")[3:-2]] == ["", "2 months", "20 migrations"]


@long
def test_the_bench_of_rules_prints_every_line() -> None:
    assert [line[:28].rstrip() for line in small("bench.rules")[3:]] == [
        "send a message",
        "store an attachment",
        "report a status, new",
        "report a status, unchanged",
        "raise last_read_message_id",
        "leave",
        "COPY of 100 messages",
        "COPY of 100 statuses",
    ]


@long
def test_the_bench_of_growth_prints_every_line() -> None:
    lines = [line[:20].strip() for line in small("bench.growth")]
    assert lines[-6:] == [
        "median, slowest 5 %",
        "newest page",
        "keyset page",
        "chatschema.page()",
        "unread, up to 100",
        "status upsert",
    ]
    assert "messages" in lines


@long
def test_the_bench_of_audit_months_prints_every_line() -> None:
    lines = [line[:28].strip() for line in small("bench.audit_months")]
    for title in ("audit_logs", "audit_months", "newest 50 of a user", "all of a day", "1000 added", "the oldest month removed"):
        assert title in lines
    assert sum(line.startswith("without idx_audit_logs") for line in lines) == 4


@long
def test_the_bench_of_audit_verify_prints_every_size() -> None:
    lines = small("bench.audit_verify")
    assert [line[:29].rstrip() for line in lines[3:6]] == [
        "insert, digest by a function", "insert, digest written out", "sealing, the server",
    ]  # fmt: skip
    assert [len(line.split()) for line in lines[7:]][:4] == [7, 15, 15, 15]
    assert lines[-1].startswith("aims: ")
