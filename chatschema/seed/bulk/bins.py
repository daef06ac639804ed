"""The ranges in which a profile counts messages of a conversation, bytes of a text, and how far back a reply answers. Pure."""

from collections.abc import Sequence

# The lower end of each; a range ends where the next begins. Up to 7 each number has its own; then four for each doubling up to 256,
# two up to 2048, and one up to 131072, where the last range begins: larger numbers count as this.
LOWER = (
    *range(8),
    *(quarter << power for power in range(1, 6) for quarter in (4, 5, 6, 7)),
    *(half << power for power in range(7, 10) for half in (2, 3)),
    *(1 << power for power in range(11, 18)),
)


def bounds(place: int) -> tuple[int, int]:
    """Return the lower end of a range, and the first number above it."""
    return LOWER[place], LOWER[place + 1] if place + 1 < len(LOWER) else LOWER[place] + 1


def value(place: int, share: float) -> int:
    """Return the number at this share of a range, from 0 and below 1: small ones are more frequent than large ones."""
    lower, upper = bounds(place)
    # Only operations that every processor rounds alike.
    return int(lower * upper / (upper - share * (upper - lower))) if lower else 0


def quantiles(weights: Sequence[int], count: int) -> list[int]:
    """Return `count` numbers, in order, that are distributed by the weights of the ranges."""
    total, place, passed = sum(weights), 0, 0
    result = []
    for number in range(count):
        # The middle of its share, in parts of 2 * count.
        reached = (2 * number + 1) * total
        while (passed + weights[place]) * 2 * count <= reached:
            passed += weights[place]
            place += 1
        result.append(value(place, (reached / (2 * count) - passed) / weights[place]))
    return result
