"""The structure of a database, without its rows, in another one: read by pg_dump, and run statement by statement."""

import re
from collections.abc import Callable
from pathlib import Path

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.postgres import Connection, pgdump
from chatschema.statements import Statements
from chatschema.values import Settings

# Owners and grants are left out: their roles may be missing on the other server, and they change no lock. pg_dump gives up when
# it would wait for somebody who changes a table.
_ARGUMENTS = [
    "--no-owner", "--no-privileges", "--no-comments", "--no-security-labels", "--no-tablespaces",
    "--no-publications", "--no-subscriptions", "--lock-wait-timeout=2000",
]  # fmt: skip
# psql's commands; and what would let the copy reach other servers.
_META = re.compile(r"^\\.*\n", re.MULTILINE)
_OUTSIDE = re.compile(r"(?i)create\s+(?:user\s+mapping|subscription|event\s+trigger)\b")
# One transaction each: with one for all, a thousand partitions need more locks than a server has by default.
_AT_ONCE = 100
_EXISTS = frozenset({"42P06", "42710"})
# A setting that only a newer server has.
_SET = re.compile(r"(?i)set\s")


def structure(
    source: Settings, major_version: int, into: Connection, *, programs: Path | None, between: Callable[[], None] | None = None
) -> list[str]:
    """Create the structure of the database `source`, of a server of `major_version`, in the empty database `into`.

    Return the errors, such as a missing extension; the other objects exist. `programs` is a folder with pg_dump, before the PATH.
    `between` is called when the tables exist without indexes, keys and triggers, to fill them.
    Raises UsageError if there is no pg_dump, and ChatschemaError if it fails.
    """
    if into.info.server_version // 10000 < major_version:
        older = into.info.server_version // 10000
        raise ChatschemaError(
            f"the scratch server is PostgreSQL {older}, which is older than the database's {major_version}",
            f"name a server of version {major_version} or later: --scratch URL",
            code="scratch.old-server",
        )
    if between is None:
        errors = _created(source, major_version, into, programs, "--schema-only")
    else:
        errors = _created(source, major_version, into, programs, "--section=pre-data")
        between()
        errors += _created(source, major_version, into, programs, "--section=post-data")
    postgres.reset_session(into)
    return errors


def _created(source: Settings, major_version: int, into: Connection, programs: Path | None, part: str) -> list[str]:
    """Run this part of the structure; return the errors."""
    text = _META.sub("", pgdump.run(source.conninfo, major_version, [part, *_ARGUMENTS], programs=programs))
    found = [one.text for one in Statements(text.encode())[:] if not _OUTSIDE.match(one.text)]
    postgres.execute(into, "set synchronous_commit = off")
    errors: list[str] = []
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        try:
            postgres.execute_text(into, ";\n".join(some))
        except ServerError:
            errors += _one_by_one(into, some)
    return errors


def _one_by_one(into: Connection, statements: list[str]) -> list[str]:
    errors = []
    for statement in statements:
        try:
            postgres.execute_text(into, statement)
        except ServerError as error:
            # template0 has a schema public, and an extension its own objects.
            if error.sqlstate not in _EXISTS and not _SET.match(statement):
                errors.append(error.message)
    return errors
