"""Applying only a plan that somebody has reviewed: its hash is compared with that of the plan as it is now."""

from collections.abc import Callable, Sequence

from chatschema.errors import ChatschemaError
from chatschema.migration import plans
from chatschema.migration.files import MigrationFile
from chatschema.migration.forecast import digest
from chatschema.postgres import Connection, Say
from chatschema.task import planning
from chatschema.values import Settings

_DRY_RUN = "chatschema migrate --dry-run"


def check(
    settings: Settings,
    connection: Connection,
    pending: Sequence[MigrationFile],
    hash: str | None,
    *,
    where: str | None,
    is_first: bool,
    say: Say,
) -> Callable[[tuple[str, str]], None]:
    """Raise ChatschemaError if the pending files are not the plan with this hash, or the rest of it, which an earlier run began.

    Return a function that records the plan as begun, by a user on a host, once the ledger exists.
    """
    if hash is None and settings.planning.require_plan and pending:
        raise ChatschemaError(
            f"migrate applies only a reviewed plan, as chatschema.toml says; {_count(pending)} pending",
            f"review it: {_DRY_RUN}; then: chatschema migrate --plan-hash HASH, with the hash that it prints",
            code="plan.required",
        )
    if hash is None or not pending:
        return lambda _: None
    foresight = planning.migrations(settings, connection, pending, where=where, is_first=is_first, say=say)
    if foresight.hash == hash:
        return lambda who: plans.record(connection, hash, foresight.parts, who)
    begun = [] if is_first else plans.recorded(connection, hash)
    if not _is_rest(begun, pending, foresight.parts):
        raise ChatschemaError(
            _difference(begun, foresight.parts, hash, foresight.hash),
            f"review the plan as it is now: {_DRY_RUN}; then: chatschema migrate --plan-hash {foresight.hash}",
            code="plan.changed",
        )
    return lambda _: None


def _is_rest(begun: Sequence[tuple[str, str]], pending: Sequence[MigrationFile], parts: Sequence[tuple[str, str]]) -> bool:
    """Return whether these files are the last ones of the plan that was begun, and do what they did in it."""
    rest = list(begun[-len(pending) :])
    # The plan of an empty database has no locks.
    bare = [(file.id, digest.bare(file.id, file.apply.checksum)) for file in pending]
    return len(begun) > len(pending) and all(part in (now, first) for part, now, first in zip(rest, parts, bare, strict=True))


def _difference(begun: Sequence[tuple[str, str]], parts: Sequence[tuple[str, str]], hash: str, now: str) -> str:
    known = dict(begun)
    if changed := next((id for id, part in parts if known.get(id, part) != part), None):
        return f"{changed} is not as it was reviewed: its file, or its locks, were changed since; no migration was run"
    return f"the plan is not the one that was reviewed: its hash is {now}, not {hash}; no migration was run"


def _count(pending: Sequence[MigrationFile]) -> str:
    return "1 migration is" if len(pending) == 1 else f"{len(pending)} migrations are"
