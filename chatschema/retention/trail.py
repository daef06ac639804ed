"""Removing entries of the audit trail after their time: whole seals that have a file, oldest first. The seals stay."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from psycopg import sql

from chatschema import audit, hold, postgres
from chatschema.audit import archive_file, canonical, erasures, ledger, rules, seal, tree
from chatschema.audit.findings import Found
from chatschema.audit.records import Epoch, Seal
from chatschema.errors import ChatschemaError, ExitCode
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Due

BATCH = 1000
_ENTRY = 16
_NO_FILE = "a file for each seal: chatschema audit archive --out DIR, or archive_dir under [audit]"
_NO_SEAL = "a seal: chatschema audit seal"
_OTHER = "a new epoch: chatschema audit seal --new-epoch REASON"
# An entry by or about whom or what a hold names, in the resource or in the details; of a hold on a period alone, those of it.
_IS_HELD = sql.SQL("""exists (
    select from chatschema.holds as h
    where h.released_at is null and (
        h.user_id is null and h.conversation_id is null
            and (h.from_at is null or a.created_at >= h.from_at) and (h.to_at is null or a.created_at < h.to_at)
        or a.user_id = h.user_id
        or position(h.user_id::text in concat(a.resource_id, a.details)) > 0
        or position(h.conversation_id::text in concat(a.resource_id, a.details)) > 0
        or exists (
            select from chatschema.hold_conversations as c
            where c.hold_id = h.id and position(c.conversation_id::text in concat(a.resource_id, a.details)) > 0
        )
    )
)""")
_HELD_IN = sql.SQL("""
    select exists (select from chatschema.holds as h where h.released_at is null)
        and exists (select from public.audit_logs as a where {} and {})
""")
_REMOVE = sql.SQL("delete from public.audit_logs as a where a.id = any ({}) and {} and not {}")
_BEGIN = sql.SQL("""
    update chatschema.audit_seals as s set removed_at = clock_timestamp()
    where s.number = {} and s.removed_at is null and s.archived_at is not null and not exists (
        select from public.audit_logs as a where {} and {}
    )
""")


class NotRemoved(ChatschemaError):
    """The entries of a seal were not removed, because they, or those in its file, are not as they were sealed."""

    exit_code = ExitCode.FINDINGS
    code = "retention.trail-differs"


@dataclass(frozen=True, slots=True)
class Trail:
    """The seals, and whether the newest epoch is of this cluster."""

    epochs: list[Epoch]
    seals: list[Seal]
    is_here: bool


def _read(connection: Connection) -> Trail | None:
    """Return the seals; None where there are none, or where they cannot be checked."""
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        return None
    epochs = ledger.epochs(connection)
    is_here = bool(epochs) and epochs[-1].system_identifier == ledger.cluster(connection)[0]
    return Trail(epochs, list(ledger.seals(connection)), is_here)


def due(connection: Connection, before: datetime, *, archives_first: bool) -> Due:
    """Return how many entries were sealed before this moment; reads only.

    From the first seal on that a hold keeps, all are held: only whole seals are removed, oldest first. Entries that are older
    and have no seal, or a seal without a file, wait; with `archives_first` a run writes that file itself.
    """
    trail = _read(connection)
    if trail is None:
        return Due()
    count = held = waiting = 0
    oldest, waits_for = None, ""
    for one in _wanted(trail, before):
        where = rules.of_seal(trail.epochs, one)
        left = _left(connection, where) if one.removed_at else one.row_count
        if waits_for or (reason := _obstacle(trail, one, archives_first=archives_first)):
            waiting, waits_for = waiting + left, waits_for or reason or ""
        elif held or postgres.fetch_one(connection, _HELD_IN.format(where, _IS_HELD))[0]:
            held += left
        else:
            count += left
            oldest = oldest or (ledger.oldest(connection, where) if left else None)
    unsealed = _unsealed(connection, trail, before)
    return Due(count, oldest, held, waiting + unsealed, waits_for or (_NO_SEAL if unsealed else ""))


def _wanted(trail: Trail, before: datetime) -> Iterator[Seal]:
    """Yield the seals whose entries are due, oldest first, from the newest one on whose removal has begun."""
    begun = max((one.number for one in trail.seals if one.removed_at), default=0)
    for one in trail.seals:
        if one.number >= begun:
            # Sealed after each of its entries was recorded.
            if one.sealed_at >= before and not one.removed_at:
                return
            yield one


def _obstacle(trail: Trail, one: Seal, *, archives_first: bool) -> str | None:
    if not trail.is_here:
        return _OTHER
    if one.archive is None:
        return None if archives_first else _NO_FILE
    return None if Path(one.archive).is_file() else f"{one.archive}, which is not on this host"


def _left(connection: Connection, where: sql.Composed) -> int:
    query = sql.SQL("select count(*) from public.audit_logs as a where {}")
    return int(postgres.fetch_one(connection, query.format(where))[0])


def _unsealed(connection: Connection, trail: Trail, before: datetime) -> int:
    """Return how many entries without a seal were recorded before this moment."""
    where: sql.Composable = sql.SQL("true")
    if trail.epochs:
        place = len(trail.epochs) - 1
        seals = [one for one in trail.seals if one.epoch == trail.epochs[-1].number]
        rest = rules.rest(trail.epochs, place, seals, is_here=trail.is_here)
        where = sql.SQL("{} and {}").format(rules.of_epoch(trail.epochs, place), rest)
    query = sql.SQL("select count(*) from public.audit_logs as a where {} and a.recorded_at < {}")
    return int(postgres.fetch_one(connection, query.format(where, sql.Literal(before)))[0])


def remove(
    connection: Connection, before: datetime, *, wait_s: float, is_over: Callable[[], bool], say: Say, batch: int = BATCH
) -> Iterator[int]:
    """Remove the entries of the seals made before this moment, yielding the number of each batch. Safe to interrupt.

    A seal is removed only if it has a file, and both the file and its entries are as they were sealed. Stops at a seal that a
    hold keeps. Raises NotRemoved, OtherCluster, and Busy if another run seals or removes for longer than `wait_s` seconds.
    """
    trail = _read(connection)
    for one in _open(connection, trail, before) if trail else ():
        if trail is None or is_over():
            return
        where, done = rules.of_seal(trail.epochs, one), 0
        with locks.seal_lock(connection, wait_s=wait_s, say=say):
            seal.refuse_other_cluster(trail.epochs[-1], ledger.cluster(connection)[0])
            now = _again(connection, one)
            if reason := _why_not(connection, where, now):
                say(f"kept the entries of seal {now.number} and later ones: {reason}")
                return
            for removed in _entries(connection, where, now, batch):
                done += removed
                if removed:
                    yield removed
                if is_over():
                    break
            if _left(connection, where):
                say(
                    f"seal {now.number}: some entries were not removed yet, for want of time or because of a hold; its file has all"
                )
                return
            if done:
                say(f"removed {done} entries of seal {now.number}, which are in {now.archive}")


def _open(connection: Connection, trail: Trail, before: datetime) -> Iterator[Seal]:
    """Yield the seals whose entries are due and still there, oldest first."""
    for one in _wanted(trail, before):
        if not one.removed_at or _left(connection, rules.of_seal(trail.epochs, one)):
            yield one


def _why_not(connection: Connection, where: sql.Composed, now: Seal) -> str | None:
    """Return why the entries of a seal are not removed; otherwise their removal has begun. Raises NotRemoved."""
    if now.removed_at:
        return None
    if now.archive is None:
        return f"they wait for {_NO_FILE}"
    if not Path(now.archive).is_file():
        # On another host: a run there removes them.
        return f"{now.archive} is not on this host"
    return None if _begin(connection, where, now) else "a hold covers them, see chatschema hold list"


def _again(connection: Connection, one: Seal) -> Seal:
    """Return the seal as it is now: another run may have archived or removed it."""
    query = "select archive, archive_sha256, removed_at from chatschema.audit_seals where number = %s"
    archive, digest, removed_at = postgres.fetch_one(connection, query, (one.number,))
    return replace(one, archive=archive, archive_sha256=digest, removed_at=removed_at)


def _begin(connection: Connection, where: sql.Composed, one: Seal) -> bool:
    """Mark a seal as removed, once its entries and its file were compared; return False if a hold keeps it. Raises NotRemoved."""
    path = Path(one.archive or "")
    wrong = archive_file.check(path, one)
    if wrong is None and archive_file.sha256_of(path) != one.archive_sha256:
        wrong = "it is not the file that was recorded"
    if wrong:
        raise _differs(one, f"{path}: {wrong}")
    _compare(connection, where, one)

    def work() -> bool:
        hold.freeze(connection)
        if not postgres.execute(connection, _BEGIN.format(sql.Literal(one.number), where, _IS_HELD)).rowcount:
            return False
        details = {"entries": one.row_count, "file": str(path), "sha256": (one.archive_sha256 or b"").hex()}
        audit.record(connection, "audit.remove", "audit_seal", str(one.number), **details)
        return True

    return locks.in_transaction(connection, work, locks.DDL)


def _compare(connection: Connection, where: sql.Composed, one: Seal) -> None:
    """Raise NotRemoved unless the entries are as they were sealed: otherwise the trace of a change would be removed with them."""
    made, erased, found = tree.Tree(), erasures.Erased(), Found()
    with ledger.snapshot(connection):
        for block in canonical.blocks(connection, where):
            made.add(block.leaves)
            erased.add(block.id(at) for at in block.blank)
            if block.wrong:
                raise _differs(one)
        erased.compare(connection, found)
    if found.findings or (made.size, made.root()) != (one.row_count, one.root):
        raise _differs(one)


def _differs(one: Seal, why: str = "they are not as they were sealed") -> NotRemoved:
    text = f"the entries of seal {one.number} were not removed: {why}"
    return NotRemoved(text, "see: chatschema audit verify")


def _entries(connection: Connection, where: sql.Composed, one: Seal, batch: int) -> Iterator[int]:
    """Remove the entries that a seal names, in its order, yielding the number of each batch; stops where a hold keeps one."""
    for start in range(0, one.row_count, batch):
        part = ledger.locator(connection, one.number, start, batch)
        ids = [canonical.number(part[at : at + 8]) for at in range(0, len(part), _ENTRY)]

        def work(ids: list[int] = ids) -> int:
            hold.freeze(connection)
            return postgres.execute(connection, _REMOVE.format(sql.Literal(ids), where, _IS_HELD)).rowcount

        yield locks.in_transaction(connection, work, locks.DDL)
        if _left(connection, sql.SQL("a.id = any ({}) and {}").format(sql.Literal(ids), where)):
            return
