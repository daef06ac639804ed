"""--help: it fits a terminal of 80 columns, cuts nothing off, and lists the commands by their tasks."""

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from chatschema.cli import COMMANDS, SECTIONS
from tests.support import ROOT, golden
from tests.support.cli import Cli, clean_environment

# The commands on one report take the same options; these have some of their own.
REPORTS = ("queries", "indexes", "pool")


def commands() -> list[str]:
    """Return all commands as they are typed, groups included; the reports only as REPORTS."""
    code = (
        "import typer\nfrom chatschema.cli import app\n"
        "def walk(group, path):\n"
        "    for name, command in group.commands.items():\n"
        "        print(*path, name)\n"
        "        if hasattr(command, 'commands'): walk(command, [*path, name])\n"
        "root = typer.main.get_command(app)\n"
        "for name in root.list_commands(None):\n"
        "    print(name)\n"
        "    command = root.get_command(None, name)\n"
        "    if hasattr(command, 'commands'): walk(command, [name])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True)
    return ["", *done.stdout.splitlines(), *(f"report {name}" for name in REPORTS)]


@pytest.mark.parametrize("command", commands())
def test_help_fits_80_columns_and_is_reviewed_as_text(cli: Cli, command: str) -> None:
    result = cli(*command.split(), "--help", env={"COLUMNS": "80"})
    assert result.code == 0
    for line in result.out.splitlines():
        assert len(line) <= 80, line
        assert line.startswith("Usage: ") or not line.rstrip().endswith(("...", "\N{HORIZONTAL ELLIPSIS}")), line
    golden.check(f"help_{command.replace(' ', '_') or 'chatschema'}", result)


def test_help_on_a_terminal_of_80_columns_is_the_same(cli: Cli, tmp_path: Path) -> None:
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-m", "chatschema", "--help"],
        env={**clean_environment(), "TERM": "xterm"}, cwd=tmp_path, stdin=child, stdout=child, stderr=child,
    ) as running:  # fmt: skip
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 4096):
                shown += piece
        except OSError:
            pass  # the other side is closed
        os.close(parent)
        assert running.wait(timeout=30) == 0
    assert shown.decode().replace("\r\n", "\n") == cli("--help", env={"COLUMNS": "80"}).out


def test_each_command_is_in_one_section_and_its_summary_is_a_whole_sentence(cli: Cli) -> None:
    assert len(COMMANDS) == sum(len(section) for section in SECTIONS.values())
    sections = cli("--help", env={"COLUMNS": "80"}).out.partition("Options:")[2]
    for title, names in SECTIONS.items():
        listed = re.search(rf"^{title}:\n((?:  .*\n)+)", sections, re.MULTILINE)
        assert listed, title
        assert re.findall(r"^  (\S+)", listed[1], re.MULTILINE) == list(names)
        for summary in re.split(r"^  (?=\S)", listed[1], flags=re.MULTILINE)[1:]:
            assert summary.rstrip().endswith("."), summary


def test_the_folder_is_not_needed(tmp_path: Path) -> None:
    """Help needs no server and no configuration, also where chatschema.toml cannot be read."""
    (tmp_path / "chatschema.toml").write_text("not toml")
    command = [sys.executable, "-m", "chatschema", "migrate", "--help"]
    done = subprocess.run(command, env=clean_environment(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(ROOT) not in done.stdout
