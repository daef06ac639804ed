"""Which entries belong to which seal, as conditions of SQL on the table `a`; docs/reference/audit-format.md has the rule in words.

An entry belongs to the epoch with the highest first_id up to its own id. Each epoch has the entries in intervals of transaction
ids, one a seal, and the rest, which had no seal when the next epoch began: they are the first seal of that one.
"""

from collections.abc import Sequence

from psycopg import sql

from chatschema.audit.records import Epoch, Seal

_HIGHEST = 2**63 - 1


def xid(number: int) -> sql.Composable:
    """Return a transaction id as a literal."""
    return sql.SQL("{}::xid8").format(sql.Literal(str(number)))


def of_epoch(epochs: Sequence[Epoch], place: int) -> sql.Composed:
    """Return the condition for the entries of the epoch at this place, sealed or not."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    if place:
        parts.append(sql.SQL("a.id >= {}").format(sql.Literal(epochs[place].first_id)))
    if place + 1 < len(epochs):
        parts.append(sql.SQL("a.id < {}").format(sql.Literal(epochs[place + 1].first_id)))
    return sql.SQL(" and ").join(parts)


def between(low: int, high: int) -> sql.Composed:
    """Return the condition for an interval of transaction ids."""
    return sql.SQL("a.txid >= {} and a.txid < {}").format(xid(low), xid(high))


def rest(epochs: Sequence[Epoch], place: int, seals: Sequence[Seal], *, is_here: bool) -> sql.Composed:
    """Return the condition for the entries of the epoch at this place that have, or had at its end, no seal.

    `seals` are those of the epoch; `is_here`: whether the newest epoch is of this cluster. If it is not, transaction ids began
    again at low numbers, but what was written here has higher ids than anything that was sealed.
    """
    if place + 1 < len(epochs):
        id, txid = epochs[place + 1].carried_id, epochs[place + 1].carried_txid
    else:
        txid = seals[-1].high if seals else 0
        id = _HIGHEST if is_here else carried_id(epochs[place], seals)
    return sql.SQL("(a.id > {} or a.txid >= {})").format(sql.Literal(id), xid(txid))


def carried_id(epoch: Epoch, seals: Sequence[Seal]) -> int:
    """Return the highest id that the seals of an epoch have."""
    return max(epoch.first_id - 1, *(seal.last_id for seal in seals), 0)


def of_seal(epochs: Sequence[Epoch], seal: Seal) -> sql.Composed:
    """Return the condition for the entries of a seal, on the cluster of its epoch."""
    place = seal.epoch - 1
    if place and seal.number == epochs[place].first_seal:
        return sql.SQL("{} and {}").format(of_epoch(epochs, place - 1), rest(epochs, place - 1, (), is_here=True))
    inside = sql.SQL("{} and {}").format(of_epoch(epochs, place), between(seal.low, seal.high))
    if place + 1 == len(epochs):
        return inside
    return sql.SQL("{} and not {}").format(inside, rest(epochs, place, (), is_here=True))


def seal_of(epochs: Sequence[Epoch], seals: Sequence[Seal], id: int, txid: int) -> Seal | None:
    """Return the seal in which an entry lies; None before it is sealed."""
    place = max((place for place, epoch in enumerate(epochs) if not place or epoch.first_id <= id), default=0)
    after = epochs[place + 1] if place + 1 < len(epochs) else None
    if after and (id > after.carried_id or txid >= after.carried_txid):
        return next((seal for seal in seals if seal.number == after.first_seal), None)
    own = (seal for seal in seals if seal.epoch == place + 1 and not (place and seal.number == epochs[place].first_seal))
    return next((seal for seal in own if seal.low <= txid < seal.high), None)
