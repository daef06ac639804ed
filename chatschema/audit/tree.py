"""The hash tree of RFC 6962: leaves, roots in constant memory, and proofs that a leaf is in a tree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

# How many leaves are hashed at a time. A power of two: each full block is a perfect tree of its own.
BLOCK = 4096
EMPTY = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Return the nodes above a level; the last one of an odd number moves up as it is."""
    above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*above, level[-1]] if len(level) % 2 else above


def _root(leaves: Sequence[bytes]) -> bytes:
    while len(leaves) > 1:
        leaves = _above(leaves)
    return leaves[0]


@dataclass(frozen=True, slots=True)
class Sum:
    """How many leaves a tree has, and its root."""

    size: int
    root: bytes


class Tree:
    """A tree to which leaf hashes are added; it keeps one block of them and one node for each level above."""

    def __init__(self) -> None:
        """Begin with the empty tree."""
        self.size = 0
        self._block: list[bytes] = []
        # The roots of perfect trees, largest first, each with how many blocks it has.
        self._done: list[tuple[int, bytes]] = []

    def add(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes, in order."""
        self.size += len(leaves)
        self._block.extend(leaves)
        while len(self._block) >= BLOCK:
            self._push(_root(self._block[:BLOCK]))
            del self._block[:BLOCK]

    def _push(self, root: bytes) -> None:
        blocks = 1
        while self._done and self._done[-1][0] == blocks:
            root = _node(self._done.pop()[1], root)
            blocks *= 2
        self._done.append((blocks, root))

    def sum(self) -> Sum:
        """Return what is left to compare of a tree to which nothing is added any more."""
        return Sum(self.size, self.root())

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        parts = [root for _, root in self._done] + ([_root(self._block)] if self._block else [])
        if not parts:
            return EMPTY
        found = parts.pop()
        while parts:
            found = _node(parts.pop(), found)
        return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    tree = Tree()
    tree.add(list(leaves))
    return tree.root()


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that the leaf at `index` is in the tree: the sibling of each node on the way up."""
    found, level = [], list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            found.append(level[sibling])
        level, index = _above(level), index // 2
    return found


def root_by(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a proof leads to; None if the proof does not have the length that such a tree asks for."""
    if not 0 <= index < size:
        return None
    found, last, rest = leaf, size - 1, list(path)
    while last:
        # The last node of a level without a sibling moves up as it is.
        if index % 2 or index != last:
            if not rest:
                return None
            sibling = rest.pop(0)
            found = _node(sibling, found) if index % 2 else _node(found, sibling)
        index, last = index // 2, last // 2
    return None if rest else found
