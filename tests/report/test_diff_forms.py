"""What changed between two snapshots as Markdown and as a page: the same as on a terminal, and names are data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chatschema.report.compare import snapshot_file
from chatschema.report.compare.snapshot import Index, Origin, Snapshot, Statement, Table
from chatschema.report.result import Gap
from tests.support import golden
from tests.support.cli import Cli

START = datetime(2026, 11, 1, tzinfo=UTC)
BAD = 'public."<script>alert(1)</script>|x"'
INDEX = 'public."i`|<b>"'
DEFINITION = 'CREATE INDEX "i`|<b>" ON public."<script>alert(1)</script>|x" USING btree (a)'


def statement(queryid: str, query: str, calls: int, blocks: int, mean_ms: float = 1.0) -> Statement:
    return Statement(
        userid=10, queryid=queryid, is_toplevel=True, query=query, calls=calls, rows=calls, total_ms=calls * mean_ms, stddev_ms=0.1,
        hit=calls * blocks, read=0, temp=0, io_ms=None, wal_bytes=0, wal_records=0, stats_since=START,
    )  # fmt: skip


@pytest.fixture
def taken(tmp_path: Path) -> Path:
    """Two snapshots: a query has lost its index, another is asked eight times, and one of two is new."""
    origin = Origin(
        at=START + timedelta(days=7), system_identifier="7", database="chat", database_oid=5, version="18.6", role="watcher",
        is_standby=False, block_size=8192, since=START, database_reset=None, cluster_reset=START, statements_reset=START,
        evictions=0, hidden=0, is_io_timed=False, roles=[], transactions=1000,
    )  # fmt: skip
    slow, often = f"select * from {BAD} where a = $1", "select body from public.note where id = $1"
    same, new = "select count(*) from public.note", "insert into public.note values ($1)"
    index, pkey = Index(21, INDEX, BAD, 900, 81920, DEFINITION), Index(22, "public.note_pkey", "public.note", 900, 16384, None)
    tables = [Table(31, BAD, 0, 0, 900, 0, 819200), Table(32, "public.note", 0, 0, 900, 0, 819200)]
    a = [statement("1", slow, 900, 3), statement("2", often, 1000, 3), statement("3", same, 1000, 5)]
    b = [
        statement("1", slow, 1900, 500), statement("2", often, 9000, 3), statement("3", same, 2000, 5),
        statement("4", new, 100, 4), statement("5", "set work_mem = $1", 10, 0),
    ]  # fmt: skip
    gap = Gap("queries of others: not shown", "grant pg_read_all_stats to watcher;")
    snapshot_file.write(Snapshot(origin, a, [index, pkey], tables, []), tmp_path / "a.json")
    later = replace(origin, at=origin.at + timedelta(hours=1), transactions=2000, evictions=3)
    after = [replace(tables[0], seq_scans=1000, seq_rows=5_000_000), replace(tables[1], index_scans=1900)]
    snapshot_file.write(Snapshot(later, b, [pkey], after, [gap]), tmp_path / "b.json")
    return tmp_path


def test_markdown(cli: Cli, taken: Path) -> None:
    result = cli("report", "diff", "a.json", "b.json", "--markdown", "--fail-on-regression")
    assert result.code == 3
    golden.check("report_diff_markdown", result)


class Page(HTMLParser):
    """The elements that are open, and what may not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "object", "img", "b"), tag
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_needs_nothing_else_and_obeys_no_name(cli: Cli, taken: Path) -> None:
    result = cli("report", "diff", "a.json", "b.json", "--html")
    assert result.code == 0, result.err
    page = Page()
    page.feed(result.out)
    page.close()
    assert page.open == []
    assert set(page.addresses) == {"data:,"}
    assert "url(" not in result.out
    assert "http:" not in result.out
    assert "https:" not in result.out
    text = "".join(page.texts)
    for said in (BAD, DEFINITION, "8.0 calls per transaction, 1.0 before", "not listed: 1 that set up a session", "removed entries 3 times",
                 "queries of others: not shown", "2 regressed, 1 new, 1 same", "sequential scans read"):  # fmt: skip
        assert said in text, said


def test_one_form_at_a_time(cli: Cli, taken: Path) -> None:
    result = cli("report", "diff", "a.json", "b.json", "--html", "--json")
    assert (result.code, "--json and --html cannot be combined" in result.err) == (2, True)
