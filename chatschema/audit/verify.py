"""Checking the audit trail: every entry and every seal is recomputed, in one snapshot, in memory that does not grow with it."""

from collections.abc import Callable, Iterator, Sequence

from psycopg import sql

from chatschema.audit import archive_file, canonical, chain, erasures, guards, ledger, locate, rules, tree
from chatschema.audit.anchor import Anchor
from chatschema.audit.canonical import Block
from chatschema.audit.findings import Found, Unsealed, Verified, cannot_prove
from chatschema.audit.passing import Pass
from chatschema.audit.records import Epoch, Seal
from chatschema.audit.seal import log_id
from chatschema.postgres import Connection

Tell = Callable[[int], None]


class Check:
    """One run: what has been read so far, and what was found."""

    def __init__(self, connection: Connection, tell: Tell, *, quick: bool) -> None:
        """Check over this connection; `tell` is called with the number of entries of each block."""
        self._connection, self._tell, self._quick = connection, tell, quick
        self.found, self.erased = Found(), erasures.Erased()
        self.entries = self.removed = self.only_archived = 0

    def epoch(self, epochs: Sequence[Epoch], place: int, seals: Sequence[Seal], rest: Sequence[sql.Composed]) -> None:
        """Check the seals of the epoch at this place; `rest` are the conditions for what each epoch left without a seal."""
        of_epoch = rules.of_epoch(epochs, place)
        first = [seal for seal in seals if seal.number == epochs[place].first_seal]
        if not first and not any(one.kind == "seal-missing" for one in self.found.findings):
            text = f"seal {epochs[place].first_seal} of epoch {epochs[place].number} is missing"
            self.found.add("seal-missing", text, epochs[place].first_seal)
        for seal in first[: place > 0]:
            where = sql.SQL("{} and {}").format(rules.of_epoch(epochs, place - 1), rest[place - 1])
            made = tree.Tree()
            for block in self._blocks(where):
                made.add(block.leaves)
            self._compare(seal, made.sum(), where)
        self._intervals(of_epoch, rest[place], [seal for seal in seals if not place or seal not in first])

    def _intervals(self, of_epoch: sql.Composed, rest: sql.Composed, seals: Sequence[Seal]) -> None:
        """Check the seals of an epoch in one pass over its entries; differences are named after it, by further queries."""
        inside = sql.SQL("{} and not {}").format(of_epoch, rest)
        one_pass = Pass(self._blocks(inside))
        sums = [one_pass.seal(seal.low, seal.high) for seal in seals]
        outside = one_pass.outside()
        for seal, made in zip(seals, sums, strict=True):
            self._compare(seal, made, sql.SQL("{} and {}").format(inside, rules.between(seal.low, seal.high)))
        # A seal that is missing explains entries that lie in none.
        if not any(one.kind == "seal-missing" for one in self.found.findings):
            for entry in outside:
                self.found.add("inserted", f"entry {entry} was inserted: its transaction id is in no seal", entry=entry)

    def unsealed(self, where: sql.Composed) -> Unsealed:
        """Check the personal data of the entries without a seal, and return how many there are."""
        count = sum(len(block) for block in self._blocks(where))
        if not count:
            return Unsealed()
        return Unsealed(count, ledger.oldest(self._connection, where), guards.holders(self._connection))

    def _blocks(self, where: sql.Composable) -> Iterator[Block]:
        """Yield the entries of a condition, after their personal data was checked."""
        for block in canonical.blocks(self._connection, where, quick=self._quick):
            self.entries += len(block)
            self._tell(len(block))
            for i in block.wrong:
                entry = block.id(i)
                self.found.add("personal", f"entry {entry}: its address, user agent, details or salt was changed", entry=entry)
            self.erased.add(block.id(i) for i in block.blank)
            yield block

    def _compare(self, seal: Seal, made: tree.Sum, where: sql.Composable) -> None:
        """Compare a seal with the sum of the entries that are there now."""
        if seal.removed_at:
            self.removed += 1
            self.only_archived += max(seal.row_count - made.size, 0)
            if made.size and (left := locate.left_over(self._connection, seal, where, self.found)):
                text = f"the removal of seal {seal.number} is not finished: {left} of its {seal.row_count} entries are left"
                self.found.notes.append(text)
            archive_file.compare(seal, self.found)
        elif made.size != seal.row_count or made.root != seal.root:
            locate.first(self._connection, seal, where, self.found)


def verify(connection: Connection, anchor: Anchor | None = None, *, quick: bool = False, tell: Tell = lambda _: None) -> Verified:
    """Recompute all seals and compare; `quick`: the server hashes. Reads only, and waits for nobody.

    The anchor's signature was checked when it was read. Raises ChatschemaError where nothing was sealed yet, or where the
    anchor is of another trail.
    """
    ledger.require(connection)
    with ledger.snapshot(connection):
        epochs, (system_identifier, _) = ledger.epochs(connection), ledger.cluster(connection)
        log = log_id(epochs, anchored=len(anchor.leaves) if anchor else 0)
        if anchor:
            anchor.refuse_other(log)
        check = Check(connection, tell, quick=quick)
        guards.check(connection, check.found)
        guards.check_cluster(epochs[-1], system_identifier, check.found)
        is_here = epochs[-1].system_identifier == system_identifier
        seals = chain.check(ledger.seals(connection), epochs, anchor.leaves if anchor else (), check.found)
        by_epoch = [[seal for seal in seals if seal.epoch == epoch.number] for epoch in epochs]
        rest = [rules.rest(epochs, place, by_epoch[place], is_here=is_here) for place in range(len(epochs))]
        for place in range(len(epochs)):
            check.epoch(epochs, place, by_epoch[place], rest)
        newest = len(epochs) - 1
        unsealed = check.unsealed(sql.SQL("{} and {}").format(rules.of_epoch(epochs, newest), rest[newest]))
        check.erased.compare(connection, check.found)
        return _result(check, seals, len(epochs), unsealed, anchor)


def _result(check: Check, seals: Sequence[Seal], epochs: int, unsealed: Unsealed, anchor: Anchor | None) -> Verified:
    anchored = len(anchor.leaves) if anchor else None
    newest = seals[-1] if seals else None
    return Verified(
        entries=check.entries, seals=len(seals), removed=check.removed, only_archived=check.only_archived,
        erased=check.erased.count, epochs=epochs,
        newest_seal_at=newest.sealed_at if newest else None, unsealed=unsealed, anchored=anchored, findings=check.found.all(),
        notes=check.found.all_notes(), cannot_prove=cannot_prove(anchored, newest.number if newest else 0, unsealed.entries),
    )  # fmt: skip
