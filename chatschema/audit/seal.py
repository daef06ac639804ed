"""Sealing the audit trail: hashes over all entries of the transactions that have ended, and new epochs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from psycopg import sql

from chatschema import audit, postgres
from chatschema.audit import canonical, ledger, rules, tree
from chatschema.audit.keys import NotGenuine
from chatschema.audit.records import Epoch, Seal
from chatschema.errors import ChatschemaError, UsageError
from chatschema.postgres import Connection, Say, locks

# The locator of a seal is 16 bytes an entry, and is written as one value.
MOST = 1_000_000
FIRST_REASON = "first seal"
_XMIN = "select pg_snapshot_xmin(pg_current_snapshot())::text, clock_timestamp()"
_OTHER_HINT = "if it was restored, upgraded or copied on purpose: chatschema audit seal --new-epoch REASON"


@dataclass(frozen=True, slots=True)
class Content:
    """What a seal holds of its entries."""

    rows: int
    first_id: int
    last_id: int
    root: bytes
    locator: bytes


def seal(connection: Connection, *, wait_s: float, most: int = MOST, say: Say | None = None) -> Iterator[Seal]:
    """Seal all entries of transactions that have ended, yielding each seal once it is committed; none if there is no such entry.

    A seal has about `most` entries, and all of a transaction. Raises OtherCluster where the newest seals belong to another
    cluster, and Busy if another run seals for longer than `wait_s` seconds.
    """
    ledger.require(connection)
    with locks.seal_lock(connection, wait_s=wait_s, say=say):
        while one := _next(connection, most):
            yield one


def _next(connection: Connection, most: int) -> Seal | None:
    # Repeatable read: the end of the interval and its entries are of one snapshot. Every transaction id below xmin has ended.
    with ledger.snapshot(connection, reads=False):
        xmin, now = postgres.fetch_one(connection, _XMIN)
        epochs, last = ledger.epochs(connection), ledger.last(connection)
        here = ledger.cluster(connection)
        if epochs:
            refuse_other_cluster(epochs[-1], here[0])
        low = last.high if last else 0
        inside = rules.of_epoch(epochs, len(epochs) - 1) if epochs else rules.of_epoch([], 0)
        high = _end(connection, inside, low, int(xmin), most)
        content = _read(connection, sql.SQL("{} and {}").format(inside, rules.between(low, high)))
        if not content.rows:
            return None
        epoch = epochs[-1] if epochs else _first_epoch(connection, here, now)
        return _add(connection, epoch, last, (low, high), content, now)


def _end(connection: Connection, inside: sql.Composed, low: int, xmin: int, most: int) -> int:
    """Return the end of the next interval: xmin, or earlier, so that it has about `most` entries."""
    query = sql.SQL("select a.txid::text from public.audit_logs as a where {} and {} order by a.txid, a.id offset {} limit 1")
    row = postgres.execute(connection, query.format(inside, rules.between(low, xmin), sql.Literal(most))).fetchone()
    if row is None:
        return xmin
    end = int(row[0])
    first = postgres.fetch_one(connection, query.format(inside, rules.between(low, xmin), sql.Literal(0)))
    # A transaction with more entries than that is not divided.
    return end if int(first[0]) < end else end + 1


def _read(connection: Connection, where: sql.Composable) -> Content:
    made, locator, bounds = tree.Tree(), bytearray(), list[int]()
    for block in canonical.blocks(connection, where):
        made.add(block.leaves)
        ids = block.ids
        locator += b"".join([id + leaf[:8] for id, leaf in zip(ids, block.leaves, strict=True)])
        numbers = [*map(canonical.number, ids), *bounds]
        bounds = [min(numbers), max(numbers)]
    first, last = bounds or (0, 0)
    return Content(made.size, first, last, made.root(), bytes(locator))


def _add(
    connection: Connection, epoch: Epoch, last: Seal | None, interval: tuple[int, int], content: Content, now: datetime
) -> Seal:
    made = Seal(
        number=last.number + 1 if last else 1, epoch=epoch.number, low=interval[0], high=interval[1], row_count=content.rows,
        first_id=content.first_id, last_id=content.last_id, root=content.root, locator_digest=sha256(content.locator).digest(),
        previous=last.record_hash if last else tree.EMPTY, sealed_at=now,
    )  # fmt: skip
    made = replace(made, record_hash=made.hash(epoch.digest()))
    ledger.add_seal(connection, made, content.locator)
    return made


def _first_epoch(connection: Connection, here: tuple[str, int], now: datetime) -> Epoch:
    epoch = Epoch(1, uuid4(), *here, first_id=1, first_seal=1, carried_id=0, carried_txid=0, reason=FIRST_REASON, started_at=now)
    ledger.add_epoch(connection, epoch)
    return epoch


def refuse_other_cluster(epoch: Epoch, system_identifier: str) -> None:
    """Raise OtherCluster if the newest epoch is not of this cluster: transaction ids of one mean nothing in the other."""
    if epoch.system_identifier != system_identifier:
        places = f"the cluster {epoch.system_identifier}, and this is {system_identifier}"
        text = f"the audit trail was sealed in {places}; nothing was sealed"
        raise ledger.OtherCluster(text, _OTHER_HINT, code="audit.other-cluster")


def begin_epoch(connection: Connection, reason: str, *, wait_s: float, say: Say | None = None) -> tuple[Epoch, Seal]:
    """Declare that the trail goes on in this cluster; seal what has no seal yet, and record it in the trail.

    Blocks those who add entries until it is committed. Raises ChatschemaError before the first seal, and UsageError for a
    reason that is not one line of at most 500 characters.
    """
    ledger.require(connection)
    if not reason.strip() or len(reason) > 500 or not reason.isprintable():
        raise UsageError(
            "the reason is not one line of at most 500 characters",
            "for example: --new-epoch 'restored on 1 May'",
            code="audit.reason",
        )
    with locks.seal_lock(connection, wait_s=wait_s, say=say):
        return locks.in_transaction(connection, lambda: _begin_epoch(connection, reason), locks.DDL, say=say)


def _begin_epoch(connection: Connection, reason: str) -> tuple[Epoch, Seal]:
    postgres.execute(connection, "lock table public.audit_logs in share row exclusive mode")
    epochs, last = ledger.epochs(connection), ledger.last(connection)
    if not epochs or last is None:
        text = "the audit trail has no seal yet, so there is no epoch to end"
        raise ChatschemaError(text, "seal it: chatschema audit seal", code="audit.no-seal")
    xmin, now = postgres.fetch_one(connection, _XMIN)
    seals = [seal for seal in ledger.seals(connection) if seal.epoch == epochs[-1].number]
    epoch = Epoch(
        epochs[-1].number + 1, epochs[-1].log_id, *ledger.cluster(connection), first_id=_first_id(connection),
        first_seal=last.number + 1, carried_id=rules.carried_id(epochs[-1], seals), carried_txid=last.high, reason=reason,
        started_at=now,
    )  # fmt: skip
    ledger.add_epoch(connection, epoch)
    # The entries that the epoch before has left: it is not the last one any more.
    inside = rules.of_epoch([*epochs, epoch], len(epochs) - 1)
    left = sql.SQL("{} and {}").format(inside, rules.rest([*epochs, epoch], len(epochs) - 1, seals, is_here=True))
    made = _add(connection, epoch, last, (last.high, int(xmin)), _read(connection, left), now)
    audit.record(
        connection, "audit.epoch", "audit_log", str(epoch.number), reason=reason, system_identifier=epoch.system_identifier,
        first_id=epoch.first_id, seal=made.number, carried_over=made.row_count,
    )  # fmt: skip
    return epoch, made


def _first_id(connection: Connection) -> int:
    """Return the id from which on the new epoch counts; the next entry gets this id or a higher one."""
    name = postgres.fetch_one(connection, "select pg_get_serial_sequence('public.audit_logs', 'id')")[0]
    sequence = sql.SQL(name)
    query = sql.SQL("select greatest((select max(id) from public.audit_logs), (select last_value from {})) + 1").format(sequence)
    first: Any = postgres.fetch_one(connection, query)[0]
    # A sequence is not part of logical replication, and an entry may have been added with a higher id.
    postgres.execute(connection, "select setval(%s, %s, false)", (name, first))
    return int(first)


def log_id(epochs: list[Epoch], *, anchored: int = 0) -> UUID:
    """Return what identifies the trail. Raises ChatschemaError before the first seal, NotGenuine if seals are `anchored`."""
    if not epochs and anchored:
        text = f"the audit trail has no seal, and the anchor has {anchored}"
        raise NotGenuine(text, "the seals were removed, or this is another database", code="audit.anchor-other")
    if not epochs:
        raise ChatschemaError("the audit trail has no seal yet", "seal it: chatschema audit seal", code="audit.no-seal")
    return epochs[0].log_id
