"""Where a scratch database is created: on the embedded server, on one that the user names, or beside the database itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from chatschema import config
from chatschema.errors import UsageError
from chatschema.postgres import Say
from chatschema.values import Settings

EMBEDDED, SAME, NONE = "embedded", "same", "none"


@dataclass(frozen=True, slots=True)
class Place:
    """A server for scratch databases, and in words which one; `is_same`: whether it is that of the database, by request."""

    server: Settings
    words: str
    is_same: bool = False


class NoScratch(Exception):
    """No scratch database is to be made; the text tells why."""


def wanted(settings: Settings, scratch: str | None) -> str | None:
    """Return where the scratch database goes: the option, or else chatschema.toml; None for the default."""
    return scratch if scratch is not None else settings.planning.scratch


@contextmanager
def place(settings: Settings, scratch: str | None, *, say: Say) -> Iterator[Place]:
    """Yield the server for a scratch database; the embedded one is started, and stopped by its last user.

    `scratch`: embedded, same, none, a URL, or None for the embedded server if it is installed. `settings` point at a running
    server. Raises NoScratch, UsageError for a text that is no URL, and ChatschemaError.
    """
    where = wanted(settings, scratch)
    if where == NONE:
        raise NoScratch("--scratch none")
    if where == SAME or (settings.embedded is not None and where in (None, EMBEDDED)):
        words = "the server of the database itself" if where == SAME else "the embedded server"
        yield Place(settings, words, where == SAME)
        return
    if where is not None and where != EMBEDDED:
        conninfo = config.from_url(where, "--scratch" if scratch is not None else "scratch in chatschema.toml")
        yield Place(replace(settings, conninfo=conninfo, embedded=None), "the server of --scratch")
        return
    # It takes a while to load.
    from chatschema.server import embedded, lifecycle

    if where is None and embedded.bin_folder() is None:
        raise NoScratch("the embedded server is not installed; name a server for the copy: --scratch URL")
    with lifecycle.in_use(settings.state_dir, say=lambda text: say(f"copying the structure: {text}")) as conninfo:
        yield Place(lifecycle.pointed_at(settings, conninfo), "the embedded server")


def refuse_unknown(scratch: str | None) -> None:
    """Raise UsageError for a place that is none of the words and no URL."""
    if scratch is not None and scratch not in (EMBEDDED, SAME, NONE) and "=" not in scratch and "://" not in scratch:
        raise UsageError(
            f"--scratch {scratch} is not a place for the copy",
            "write embedded, same (on the server of the database itself), none, or the URL of another server",
            code="scratch.place",
        )
