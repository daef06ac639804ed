"""One pass over entries in the order of their transactions, divided at the ends of the seals."""

from collections.abc import Iterator

from chatschema.audit import tree
from chatschema.audit.canonical import Block

_MOST_OUTSIDE = 100


class Pass:
    """The entries that were not yet asked for. The seals come in order."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        """Begin to read."""
        self._blocks, self._outside = blocks, list[int]()
        self._block = next(blocks, None)

    def seal(self, low: int, high: int) -> tree.Sum:
        """Return the sum of the entries with transaction ids from `low` to below `high`; those before `low` lie in no seal."""
        self._skip(low)
        made = tree.Tree()
        for block in self._until(high):
            made.add(block.leaves)
        return made.sum()

    def outside(self) -> list[int]:
        """Read to the end, and return the ids of entries that lie in no seal: the first of them."""
        self._skip(None)
        return self._outside

    def _skip(self, end: int | None) -> None:
        for block in self._until(end):
            room = _MOST_OUTSIDE - len(self._outside)
            self._outside.extend(block.id(i) for i in range(min(room, len(block))))

    def _until(self, end: int | None) -> Iterator[Block]:
        """Yield the entries with transaction ids below `end`, all of them if it is None."""
        limit = None if end is None else end.to_bytes(8, "big")
        while self._block is not None:
            size = len(self._block)
            inside = size if limit is None or self._block.txid(-1) < limit else self._block.before(limit)
            if inside:
                yield self._block.part(0, inside)
            if inside < size:
                self._block = self._block.part(inside, size)
                return
            self._block = next(self._blocks, None)
