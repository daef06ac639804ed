"""The connection through which the commands of chatschema report look at a server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatschema.cli import console, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chatschema.report.definition import Definition
    from chatschema.task.looking import Look
    from chatschema.values import Settings


def wanted(settings: Settings, name: str | None) -> list[Definition]:
    """Return the report of this name, or those of the overview."""
    from chatschema.report import definition

    return [definition.load(settings.sql_dir, name)] if name else definition.overview(settings.sql_dir)


@contextmanager
def opened(
    settings: Settings, reports: Sequence[Definition], replicas: Sequence[str] | None, *, timeout_s: float, wait_s: float
) -> Iterator[Look]:
    """Yield a look at the server, which only reads; `replicas` are the URLs of other nodes whose index scans count as well."""
    from chatschema.task import looking

    others = [_of_replica(url) for url in replicas or []]
    with looking.looking(settings, reports, timeout_s=timeout_s, wait_s=wait_s, replicas=others, say=console.note) as look:
        yield look


def _of_replica(url: str) -> Callable[[Settings], Settings]:
    """Return a function that makes the settings of another node from those of the running server."""
    return lambda live: session.settings(url, live.sql_dir)
