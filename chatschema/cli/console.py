"""The only printer. stdout is the answer, stderr is the story, which passes the redaction."""

import dataclasses
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, TextIO

from chatschema import units
from chatschema.errors import ChatschemaError, UsageError
from chatschema.redact import redact_places

Progress = Callable[[int], None]

# Whether a part of the answer was printed; a second JSON document would make both unreadable.
_answered: set[str] = set()


def answer(text: str = "") -> None:
    """Print a line of the answer for people. A closed pipe (| head) does not stop the work."""
    data(shown(text))


def data(text: str) -> None:
    """Print a part of the answer for programs, as it is."""
    _answered.add("stdout")
    try:
        print(text, file=sys.stdout)
    except BrokenPipeError:
        silence()


def shown(text: str) -> str:
    """Return the text without control characters, which a terminal or a CI log would obey: names are foreign text."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def silence() -> None:
    """Discard the rest of the answer: nobody reads it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str, label: str = "") -> None:
    """Print a line of the story, after a coloured label."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    print((_paint(label, "31") + " " if label else "") + shown(redact_places(text)), file=sys.stderr)


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def error(failure: ChatschemaError) -> None:
    """Print the message, the place and the hint; with --json also the error as a document, unless an answer was printed."""
    if "--json" in sys.argv[1:] and not _answered:
        as_json({"error": {"code": failure.code, "message": redact_places(failure.message), "hint": failure.hint}})
    note(failure.message, f"error[{failure.code}]:")
    if failure.excerpt:
        note(failure.excerpt)
    if failure.hint:
        note(f"hint:  {failure.hint}")


def as_json(value: Any) -> None:
    """Print one JSON document: dataclasses as objects, times as ISO 8601 in UTC."""
    import json

    data(json.dumps(value, default=_plain, indent=2, ensure_ascii=not _is_unicode()))


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def as_json_line(value: Any) -> bool:
    """Print one JSON document on a line of its own, at once; return whether the pipe is still open."""
    import json

    return line(json.dumps(value, default=_plain, ensure_ascii=not _is_unicode()))


def line(text: str) -> bool:
    """Print a line of the answer at once, as it is; return whether the pipe is still open."""
    _answered.add("stdout")
    try:
        print(text, file=sys.stdout, flush=True)
    except BrokenPipeError:
        silence()
        return False
    return True


def wait(seconds: float) -> bool:
    """Wait; return False at once when the pipe is closed."""
    import select

    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)
    # A negative timeout would make poll() wait for ever.
    return not reader.poll(max(seconds, 0) * 1000)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, datetime):
        return units.iso(value)
    return str(value)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print rows under a header: drawn by Rich on a terminal, in plain columns of full width otherwise.

    `right` are the numbers of the right-aligned columns, from 0.
    """
    if is_terminal(sys.stdout):
        _rich_table(header, rows, right)
        return
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        line = (
            cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        answer("  ".join(line).rstrip())


@contextmanager
def live() -> Iterator[Callable[[Sequence[str], Sequence[str], Sequence[Sequence[str]], Sequence[int]], None]]:
    """Yield a function that draws lines and a table over its previous output. For a terminal only."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="crop") as screen:

        def draw(lines: Sequence[str], header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> None:
            screen.update(Group(*(Text(line) for line in lines), _rich(header, rows, right)), refresh=True)

        yield draw


def _rich_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> None:
    from rich.console import Console

    Console(highlight=False).print(_rich(header, rows, right))


def _rich(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column, title in enumerate(header):
        # The last column is the one with the long texts; the others keep their words whole.
        drawn.add_column(title, justify="right" if column in right else "left", no_wrap=column != len(header) - 1, overflow="fold")
    for row in rows:
        # Text, never markup: a [/b] in a name or query is data.
        drawn.add_row(*(Text(cell, style=_STATE_STYLES.get(cell, "")) for cell in row))
    return drawn


_STATE_STYLES = {
    "applied": "green", "pending": "yellow", "interrupted": "yellow", "running": "yellow", "waiting": "yellow", "newer": "yellow",
    "edited": "red",
    "missing": "red", "renamed": "red", "out-of-order": "red", "CRIT": "bold red", "WARN": "yellow",
}  # fmt: skip


@contextmanager
def progress(title: str, total: int) -> Iterator[Progress]:
    """Show a bar on stderr while the block runs, on a terminal only; call the yielded function with the size of each step."""
    if not is_terminal(sys.stderr):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda step: bar.advance(task, step)


def confirm_name(action: str, name: str, *, yes: bool, word: str = "--yes", look: str = "") -> None:
    """Ask the user to type `name` before `action`; raise ChatschemaError for another answer.

    Without a terminal UsageError is raised. Its hint names `word`, the option that confirms, and `look`, the command that lists
    the losses.
    """
    if yes:
        return
    if not is_asking():
        hint = f"to confirm, add {word}" + (f"; to check first: {look}" if look else "")
        raise UsageError(f"{action}; nothing was done, because there is no terminal to confirm it", hint, code="confirm.terminal")
    note(f"{action}. Type the name of the database to continue, or anything else to cancel.")
    print("database: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != name:
        raise ChatschemaError("not confirmed; nothing was done", code="confirm.refused")


def is_asking() -> bool:
    """Return whether stdin is a terminal, so that a question can be answered."""
    return sys.stdin.isatty()


def is_narrow() -> bool:
    """Return whether stdout is a terminal too narrow for long names beside long texts."""
    return is_terminal(sys.stdout) and shutil.get_terminal_size().columns < 120


def width() -> int | None:
    """Return the columns of the terminal that the answer goes to; None where it is no terminal."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None


def paragraph(text: str, *, indent: int = 0) -> None:
    """Print a long text, wrapped on a terminal, behind so many blanks."""
    import textwrap

    columns, blanks = width(), " " * indent
    answer(textwrap.fill(text, columns, initial_indent=blanks, subsequent_indent=blanks) if columns else blanks + text)


def is_terminal(stream: TextIO) -> bool:
    """Return whether somebody looks at the stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _paint(text: str, colour: str) -> str:
    # NO_COLOR counts when it is not empty (no-color.org).
    return f"\033[{colour}m{text}\033[0m" if is_terminal(sys.stderr) and not os.environ.get("NO_COLOR") else text
