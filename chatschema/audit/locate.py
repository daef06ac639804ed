"""Naming the first entry of a seal that was changed, removed, inserted or moved, by the locator of the seal."""

from collections.abc import Iterator

from psycopg import sql

from chatschema import postgres
from chatschema.audit import canonical, ledger, tree
from chatschema.audit.findings import Found
from chatschema.audit.records import Seal
from chatschema.postgres import Connection

_ENTRY = 16
_HASH = slice(8, 16)


def first(connection: Connection, seal: Seal, where: sql.Composable, found: Found) -> None:
    """Add to `found` the first entry that differs from the locator; `where` selects the entries that the seal has now."""
    position = 0
    wanted = _wanted(connection, seal)
    for one in _now(connection, where):
        other = next(wanted, None)
        if one != other:
            _name(connection, seal, position, one, other, found)
            return
        position += 1
    other = next(wanted, None)
    if other is not None:
        _name(connection, seal, position, None, other, found)
        return
    text = f"seal {seal.number} was changed: each of its entries is as its locator has it, but its root is another one"
    found.add("seal-changed", text, seal.number)


def left_over(connection: Connection, seal: Seal, where: sql.Composable, found: Found) -> int:
    """Return how many entries of a seal are still there whose removal has begun; add to `found` those that it never had."""
    known = set(_wanted(connection, seal))
    count = 0
    for one in _now(connection, where):
        count += 1
        if one not in known:
            entry = canonical.number(one[:8])
            found.add("inserted", f"entry {entry} was changed, or inserted into seal {seal.number}", seal.number, entry)
    return count


def _wanted(connection: Connection, seal: Seal) -> Iterator[bytes]:
    for start in range(0, seal.row_count, tree.BLOCK):
        part = ledger.locator(connection, seal.number, start, tree.BLOCK)
        yield from (part[i : i + _ENTRY] for i in range(0, len(part), _ENTRY))


def _now(connection: Connection, where: sql.Composable) -> Iterator[bytes]:
    """Yield the entries as a locator has them, a block a query: the locator is read on the same connection."""
    after: sql.Composable = sql.SQL("true")
    while True:
        page = sql.SQL("{} and {} ").format(where, after)
        # To its end: until then the connection reads nothing else.
        found = list(canonical.blocks(connection, _limited(page)))
        if not found:
            return
        (block,) = found
        yield from (id + leaf[:8] for id, leaf in zip(block.ids, block.leaves, strict=True))
        if len(block) < tree.BLOCK:
            return
        last = sql.Literal(str(int.from_bytes(block.txid(-1), "big"))), sql.Literal(block.id(-1))
        after = sql.SQL("(a.txid, a.id) > ({}::xid8, {})").format(*last)


def _limited(where: sql.Composable) -> sql.Composable:
    inside = sql.SQL("select a.id from public.audit_logs as a where {} order by a.txid, a.id limit {}")
    return sql.SQL("a.id in ({})").format(inside.format(where, sql.Literal(tree.BLOCK)))


def _name(connection: Connection, seal: Seal, position: int, one: bytes | None, other: bytes | None, found: Found) -> None:
    """Name what is wrong at a position: `one` is there, and `other` was sealed."""
    number = seal.number
    if one and other and one[:8] == other[:8]:
        entry = canonical.number(one[:8])
        found.add("changed", f"entry {entry} of seal {number} was changed", number, entry)
        return
    if one and _position(connection, number, one[:8]) is None:
        entry, was_in = canonical.number(one[:8]), sealed_in(connection, one[:8])
        if was_in:
            found.add("moved", f"entry {entry} was moved from seal {was_in} into seal {number}", number, entry)
        else:
            found.add("inserted", f"entry {entry} was inserted into seal {number}", number, entry)
        if other and _txid(connection, other) is None:
            _gone(connection, number, other, found)
        return
    if other:
        _gone(connection, number, other, found)
        return
    entry = canonical.number((one or b"")[:8])
    found.add("inserted", f"entry {entry} is twice in seal {number}, at position {position}", number, entry)


def _gone(connection: Connection, number: int, other: bytes, found: Found) -> None:
    entry, txid = canonical.number(other[:8]), _txid(connection, other)
    if txid is None:
        found.add("removed", f"entry {entry} of seal {number} was removed", number, entry)
    else:
        found.add("moved", f"entry {entry} of seal {number} was moved: its transaction id is {txid} now", number, entry)


def _txid(connection: Connection, one: bytes) -> str | None:
    """Return the transaction id of an entry that is in the table."""
    query = "select txid::text from public.audit_logs where id = %s"
    row = postgres.execute(connection, query, (canonical.number(one[:8]),)).fetchone()
    return row[0] if row else None


def _position(connection: Connection, number: int, id: bytes) -> int | None:
    """Return at which place a locator has an id."""
    query = """
        with recursive place (at) as (
            select position(%(id)s in locator) from chatschema.audit_seals where number = %(number)s
            union all
            select case when found.at = 0 then 0 else found.at + p.at end
            from place as p, chatschema.audit_seals as s,
                lateral (select position(%(id)s in substring(s.locator from p.at + 1)) as at) as found
            where s.number = %(number)s and p.at > 0 and p.at %% 16 <> 1
        )
        select max(at) from place where at %% 16 = 1
    """
    row = postgres.fetch_one(connection, query, {"id": id, "number": number})
    return None if row[0] is None else (int(row[0]) - 1) // _ENTRY


def sealed_in(connection: Connection, id: bytes) -> int | None:
    """Return the seal whose locator has an id of 8 bytes; None if there is none."""
    query = "select number from chatschema.audit_seals where position(%s in locator) > 0 order by number"
    for (number,) in postgres.fetch_all(connection, query, (id,)):
        if _position(connection, number, id) is not None:
            return int(number)
    return None
