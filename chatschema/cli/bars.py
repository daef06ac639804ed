"""Bars for several phases at once, with their rates and the time left."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from chatschema.cli import console


@contextmanager
def shown(titles: Mapping[str, str]) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each phase on stderr while the block runs, with its rate and the time left; on a terminal only.

    Yields a function to call, from any thread, with a phase, how much of it was done since the last call, and how much it has.
    """
    if not console.is_terminal(sys.stderr):
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}", markup=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        tasks: dict[str, TaskID] = {}

        def watch(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = drawn.add_task(titles[phase], total=total, rate="")
            drawn.advance(tasks[phase], done)
            speed = drawn.tasks[tasks[phase]].finished_speed or drawn.tasks[tasks[phase]].speed
            drawn.update(tasks[phase], rate=f"{speed:,.0f}/s" if speed else "")

        yield watch
