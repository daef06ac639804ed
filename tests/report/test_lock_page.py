"""The page of a report beside a lock queue, in a real browser."""

from pathlib import Path

from tests.report.damages.waits import Waiting
from tests.report.test_report_html import WINDOWS, browser, check
from tests.support.browser import Browser
from tests.support.cli import Cli
from tests.support.database import Database

__all__ = ["browser"]


def test_a_queue_is_a_tree_and_its_cause_stands_above_what_it_explains(
    cli: Cli, seeded: Database, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "chatschema.toml").write_text(
        "[report.locks]\nblocked_warn = 1\nblocked_min_ms = 0\n[report.transactions]\nidle_warn_ms = 0\n"
    )
    update = "update public.users set status = 'away' where username = 'bob'"
    with Waiting(seeded) as sessions:
        root = sessions.open("forgotten", "begin", update)
        waiting = [sessions.wait(f"chat-api {number}", update) for number in range(2)]
        pids = [session.info.backend_pid for session in (root, *waiting)]
        done = cli("report", "--html", "--url", seeded.url)
    assert done.code == 0, done.err
    page = tmp_path / "queue.html"
    page.write_text(done.out, "ascii")
    check(browser, page, WINDOWS[0])
    check(browser, page, WINDOWS[2])
    nested = "document.querySelector('.tree > ul > li > .session > b').textContent"
    assert browser.value(nested) == str(pids[0])
    under = "[...document.querySelectorAll('.tree > ul > li ul .session > b')].map(one => Number(one.textContent))"
    assert sorted(browser.value(under)) == sorted(pids[1:])
    # The tree comes first, and the statement that ends the wait is read without a click.
    assert browser.value("document.querySelector('#locks').firstElementChild.className") == "tree"
    first = "[...document.querySelectorAll('.findings li')].find(one => one.innerText.includes('locks.blocking'))"
    text = browser.value(f"document.querySelectorAll('details').forEach(one => one.open = false) || {first}.innerText")
    assert f"select pg_terminate_backend({pids[0]});" in text
    assert "explains" in text
    assert "transactions.idle" in text
    left, right = browser.value(f"['.what', '.fix'].map(name => {first}.querySelector(name).getBoundingClientRect().left)")
    assert right > left + 200
