"""python tests/pictures.py: makes the pictures in docs/images/ anew: the health of a damaged database, as page and in terminals."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.database.test_status import on_terminal
from tests.support import ROOT
from tests.support.browser import Browser, program, started
from tests.support.cli import run_cli
from tests.support.damage import TOML, damage, idle, queue
from tests.support.database import Database
from tests.support.reports import FSYNC
from tests.support.servers import private, programs

IMAGES = ROOT / "docs" / "images"
_PAGE = """<!doctype html><meta charset="utf-8"><body style="margin:0;background:#16181d">
<pre style="font:15px/1.35 'DejaVu Sans Mono','Liberation Mono',monospace;color:#d7dae0;padding:16px;margin:0;width:max-content">{}</pre>"""


def main() -> None:
    """Make a damaged database, and pictures of what the reports say of it."""
    path = program()
    if path is None:
        sys.exit("there is no Chromium on the PATH: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with private(programs("embedded"), "pictures") as server, tempfile.TemporaryDirectory() as name, started(path) as browser:
        folder = Path(name)
        Database(server, "postgres").run("create database chat")
        database = Database(server, "chat")
        (folder / "chatschema.toml").write_text(TOML + FSYNC)
        for command in ("migrate", "seed"):
            if (done := run_cli(command, "--url", database.url, cwd=folder)).code:
                sys.exit(done.err)
        damage(database)
        with queue(database), idle(database):
            picture(browser, database, folder)


def picture(browser: Browser, database: Database, folder: Path) -> None:
    """Write all pictures."""
    page = folder / "page.html"
    page.write_text(run_cli("report", "--html", "--url", database.url, cwd=folder).out)
    for file, width, height, scheme in (
        ("page-light", 1280, 900, "light"),
        ("page-dark", 1280, 900, "dark"),
        ("page-phone", 375, 800, "light"),
    ):
        browser.open(page, width=width, height=height, scheme=scheme)
        browser.screenshot(IMAGES / f"{file}.png")
    for file, columns, arguments in (
        ("overview-80", 80, ["report"]),
        ("overview-160", 160, ["report"]),
        ("tables-80", 80, ["report", "tables", "--limit", "9"]),
        ("tables-160", 160, ["report", "tables", "--limit", "9"]),
    ):
        browser.open(
            drawn(on_terminal(database, columns, *arguments, cwd=folder), columns, folder), width=columns * 9 + 40, height=200
        )
        browser.screenshot(IMAGES / f"{file}.png", whole=True)


def drawn(ansi: str, columns: int, folder: Path) -> Path:
    """Return a page that looks as the terminal did."""
    console = Console(record=True, width=columns, file=(folder / "null").open("w"), force_terminal=True)
    console.print(Text.from_ansi(ansi.replace("\r\n", "\n")), soft_wrap=True)
    page = folder / "terminal.html"
    page.write_text(_PAGE.format(console.export_html(inline_styles=True, code_format="{code}", theme=MONOKAI)))
    return page


if __name__ == "__main__":
    main()
