"""The page of a report, opened in a real browser: it is silent, alone, readable on a phone, and shows names as they are."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatschema.report.forms import html
from chatschema.report.result import STATUSES, Coverage, Finding, Gap, Result, Severity
from tests.support.browser import Browser, required, started
from tests.support.cli import Cli
from tests.support.database import Database

HOSTILE = '"<script>alert(1)</script> ""ünï"'
WINDOWS = [(375, 800, "light"), (375, 800, "dark"), (1280, 900, "light"), (1280, 900, "dark")]

# The worst contrast of any text with what is behind it, and the text (WCAG 2's formula).
CONTRAST = """(() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ''], seen = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.tagName === 'title' || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const a = light(parts(element.closest('svg') ? style.fill : style.color)), b = light(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen += 1;
    if (ratio < worst[0]) worst = [ratio, element.outerHTML.slice(0, 200)];
  }
  return [...worst, seen];
})()"""

# What reaches beyond the window; what stands in a box that scrolls for itself does not count.
BEYOND = """[...document.querySelectorAll('body *')]
  .filter(one => one.getClientRects().length && one.getBoundingClientRect().right > innerWidth + 0.5)
  .filter(one => { for (let at = one.parentElement; at; at = at.parentElement) {
    if (['auto', 'hidden'].includes(getComputedStyle(at).overflowX) && at.getBoundingClientRect().right <= innerWidth) return false;
  } return true; })
  .map(one => one.outerHTML.slice(0, 120))"""

# The tables that have to be moved sideways to see their last column.
CLIPPED = """[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth + 1)
  .map(one => [one.getAttribute('aria-label'), one.scrollWidth, one.clientWidth])"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with started(required()) as running:
        yield running


def check(browser: Browser, page: Path, window: tuple[int, int, str]) -> None:
    """Open the page and let it show all it has; it must be silent, alone, fit and be legible."""
    width, height, scheme = window
    opened = browser.open(page, width=width, height=height, scheme=scheme)
    browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.value(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    assert browser.value(BEYOND) == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    ratio, where, texts = browser.value(CONTRAST)
    assert ratio >= 4.5, where
    assert texts > 30
    assert opened.requests == [page.as_uri()]
    assert opened.complaints == []


@pytest.fixture
def hostile(seeded: Database) -> Database:
    """The demo database, with names and queries that would be markup."""
    seeded.run("create extension if not exists pg_stat_statements")
    seeded.run(f"create index {HOSTILE} on users (created_at)")
    seeded.run("create index again on users (created_at)")
    seeded.run('select 1 as "<img src=x onerror=alert(1)>"')
    return seeded


def test_the_overview_is_one_silent_page_that_fits_a_phone(cli: Cli, hostile: Database, browser: Browser, tmp_path: Path) -> None:
    done = cli("report", "--html", "--url", hostile.url)
    assert done.code == 0, done.err
    page = tmp_path / "overview.html"
    page.write_text(done.out, "ascii")
    for window in WINDOWS:
        check(browser, page, window)
    assert browser.value(CLIPPED) == []
    assert browser.value("[...document.querySelectorAll('.findings .fix pre')].length") > 0
    for where in (".findings .object, .findings .message", "tbody th"):
        texts = browser.value(f"[...document.querySelectorAll('{where}')].map(one => one.textContent)")
        assert any(f"public.{HOSTILE}" in text for text in texts), where
    assert browser.value("document.querySelectorAll('script, img, iframe, object, embed, form, [onerror]').length") == 0
    reports = {report["name"] for report in cli("report", "--json", "--url", hostile.url).json()["reports"]}
    assert set(browser.value("[...document.querySelectorAll('details.report h3')].map(one => one.textContent)")) == reports
    assert browser.value("document.querySelectorAll('.legend a').length") == len(reports)
    browser.value("document.querySelectorAll('details').forEach(one => one.open = false)")
    browser.value("location.hash = '#indexes'")
    assert browser.value("document.getElementById('indexes').parentElement.open"), "a link to a report opens it"


def test_one_report_has_its_chart_and_all_its_rows(cli: Cli, hostile: Database, browser: Browser, tmp_path: Path) -> None:
    done = cli("report", "indexes", "--html", "--url", hostile.url)
    assert done.code == 0, done.err
    page = tmp_path / "indexes.html"
    page.write_text(done.out, "ascii")
    check(browser, page, WINDOWS[3])
    check(browser, page, WINDOWS[0])
    rows = cli("report", "indexes", "--json", "--url", hostile.url).json()["reports"][0]["rows"]
    assert len(rows) > 20
    shown = browser.value(
        "[...document.querySelectorAll('tbody tr')].map(row => [row.cells[0].textContent, row.cells[2].dataset.value])"
    )
    assert sorted(shown) == sorted([row["object"], str(row["size_bytes"])] for row in rows)
    assert browser.value("[...document.querySelectorAll('th')].every(one => ['row', 'col'].includes(one.scope))")
    assert browser.value("document.querySelector('svg.bars').getAttribute('role')") == "img"
    widths = browser.value("[...document.querySelectorAll('.bar')].map(one => one.getBoundingClientRect().width)")
    sizes = sorted((row["size_bytes"] for row in rows), reverse=True)[:10]
    assert widths == pytest.approx([widths[0] * size / sizes[0] for size in sizes], rel=0.01, abs=0.5)


def test_the_page_of_a_role_that_sees_little_says_so(cli: Cli, seeded: Database, browser: Browser, tmp_path: Path) -> None:
    seeded.run("create role sees_little login password 'tiger99'")
    try:
        done = cli("report", "--html", "--url", seeded.server.url(seeded.name, user="sees_little", password="tiger99"))
    finally:
        seeded.run("drop role sees_little")
    assert done.code == 0, done.err
    page = tmp_path / "little.html"
    page.write_text(done.out, "ascii")
    check(browser, page, WINDOWS[0])
    facts = browser.value("document.querySelector('.facts').innerText")
    assert "partial" in facts
    assert "grant pg_read_all_stats to" in browser.value("document.querySelector('.findings').parentElement.textContent")


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COVERAGE = Coverage(
    "18.6", 180006, "chat & <co>", "dba", "10.0.0.1", True, NOW, NOW - timedelta(days=40), (), {}, (), None, True, True, 0
)
LONG = "pg_" + "no_blank_to_break_at_" * 12


def every_status() -> list[Result]:
    severities: tuple[Severity, ...] = ("critical", "warn", "info", "not evaluated", "no verdict")
    found = [
        Finding(f"r.c:{at}", "r", "c", LONG, severity, LONG, 1.5, 1, f"-- {LONG}", LONG) for at, severity in enumerate(severities)
    ]
    rows = [
        {
            "object": f"  - {at} {LONG}",
            "size_bytes": 10 ** (at % 40),
            "took_ms": at / 7,
            "used_pct": None,
            "is_on": at > 5,
            "query": LONG * at,
            "seen_at": NOW,
        }
        for at in range(130)
    ]
    return [
        *(Result(f"r{at}", LONG, status, (), [], [], [], 1) for at, status in enumerate(STATUSES)),
        Result("many", "has many rows", "ok", tuple(rows[0]), rows, [], [], 1),
        Result("bad", "has all", "critical", (), [], found * 8 + [replace(found[0], suppressed="known <b>")], [Gap(LONG, LONG)], 1),
    ]  # fmt: skip


@pytest.mark.parametrize("window", WINDOWS[:2] + WINDOWS[3:])
def test_every_status_and_the_longest_names_fit_and_are_legible(
    browser: Browser, tmp_path: Path, window: tuple[int, int, str]
) -> None:
    page = tmp_path / "every.html"
    page.write_text(html.text(every_status(), COVERAGE, is_overview=True), "ascii")
    check(browser, page, window)
    assert browser.value("document.title") == "Health of chat & <co> - critical"
    assert browser.value("document.querySelectorAll('tbody tr').length") == 100
    assert "the first 100 of 130 rows" in browser.value("document.querySelector('caption').textContent")
    assert browser.value("[...document.querySelectorAll('.findings li')].length") == 42
    assert browser.value("document.querySelector('link[rel=icon]').href") == "data:,", "a browser of people asks for an icon"
    assert browser.value("getComputedStyle(document.querySelector('tbody th')).whiteSpaceCollapse") == "preserve", (
        "a tree is indented"
    )
    words = browser.value("document.querySelector('.legend').innerText")
    assert all(status in words for status in STATUSES), "a status is said in words, not only in colours"
