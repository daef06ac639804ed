"""Checking the seals among themselves, and against an anchor: numbers, intervals, hashes, epochs."""

from collections.abc import Iterable, Sequence

from chatschema.audit import tree
from chatschema.audit.findings import Found
from chatschema.audit.records import Epoch, Seal


def check(seals: Iterable[Seal], epochs: Sequence[Epoch], anchored: Sequence[bytes], found: Found) -> list[Seal]:
    """Return the seals in order, after adding to `found` what is wrong with each; `anchored` are the hashes that an anchor has."""
    by_number = {epoch.number: epoch for epoch in epochs}
    _check_epochs(epochs, found)
    checked, recomputed, is_compared = list[Seal](), tree.EMPTY, True
    for seal in seals:
        before = checked[-1] if checked else None
        _check_place(seal, before, found)
        epoch = by_number.get(seal.epoch)
        hashed = seal.hash(epoch.digest()) if epoch else seal.record_hash
        _check_hashes(seal, hashed, before, recomputed, found)
        if is_compared and seal.number <= len(anchored) and anchored[seal.number - 1] != hashed:
            is_compared = False
            _differs(seal, epoch, len(anchored), found)
        checked.append(seal)
        recomputed = hashed
    newest = checked[-1].number if checked else 0
    if newest < len(anchored) and is_compared:
        fewer = len(anchored) - newest
        seals_ = "seal" if fewer == 1 else "seals"
        text = f"the trail has {fewer} {seals_} fewer than the anchor: cut off, or an older backup was restored"
        found.add("cut-off", text, newest + 1)
    return checked


def _check_epochs(epochs: Sequence[Epoch], found: Found) -> None:
    for place, epoch in enumerate(epochs, 1):
        if epoch.number != place:
            found.add("epoch-missing", f"epoch {place} is missing")
            return


def _check_place(seal: Seal, before: Seal | None, found: Found) -> None:
    expected = before.number + 1 if before else 1
    if seal.number > expected:
        which = f"seal {expected} is" if seal.number == expected + 1 else f"seals {expected} to {seal.number - 1} are"
        found.add("seal-missing", f"{which} missing", expected)
    elif seal.low != (before.high if before else 0):
        found.add("seal-changed", f"seal {seal.number} was changed: it does not begin where the one before ends", seal.number)


def _check_hashes(seal: Seal, hashed: bytes, before: Seal | None, recomputed: bytes, found: Found) -> None:
    number = seal.number
    if seal.record_hash != hashed:
        found.add("seal-changed", f"seal {number} was changed, or its epoch: it has another hash than when it was made", number)
    elif not seal.locator_is_intact:
        found.add("seal-changed", f"seal {number} was changed: its locator is not the one that was sealed", number)
    elif before is None and number == 1 and seal.previous != tree.EMPTY:
        found.add("seal-changed", "seal 1 was changed: it names a seal before it", number)
    elif before and before.number == number - 1 and seal.previous != recomputed and before.record_hash == recomputed:
        # The one before fits its own hash, which is not the one that this seal has of it.
        found.add("seal-changed", f"seal {before.number} was changed: seal {number} has another hash of it", before.number)


def _differs(seal: Seal, epoch: Epoch | None, anchored: int, found: Found) -> None:
    if epoch and epoch.number > 1 and seal.number == epoch.first_seal:
        which = f"seals {seal.number} to {anchored}" if anchored > seal.number else f"seal {seal.number}"
        text = f"epoch {epoch.number} ({epoch.reason}) replaced {which} of the anchor: ask who declared it, then make a new anchor"
        found.notes.append(text)
        return
    found.add("anchor", f"seal {seal.number} is not the one in the anchor: the seals were recomputed from there on", seal.number)
