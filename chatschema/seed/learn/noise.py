"""The Laplace mechanism on whole numbers, as exact as chance allows: no rounding of a floating-point number tells anything.

The sampler is that of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithm 2.
"""

from fractions import Fraction
from secrets import randbelow


def noisy(count: int, sensitivity: int, epsilon: Fraction) -> int:
    """Return a count with discrete Laplace noise.

    `sensitivity` is the most by which one unit changes the histogram, added up over its counts.
    """
    return count + _laplace(sensitivity / epsilon)


def scale(sensitivity: int, epsilon: Fraction) -> float:
    """Return the mean size of the noise."""
    return float(sensitivity / epsilon)


def _laplace(scale: Fraction) -> int:
    """Return a whole number `n` with a probability in proportion to exp(-|n| / scale)."""
    top, bottom = scale.numerator, scale.denominator
    while True:
        within = randbelow(top)
        if not _happens(Fraction(within, top)):
            continue
        turns = 0
        while _happens(Fraction(1)):
            turns += 1
        size = (within + top * turns) // bottom
        is_negative = randbelow(2) == 1
        # Zero would be drawn twice as often as it should.
        if not (is_negative and size == 0):
            return -size if is_negative else size


def _happens(exponent: Fraction) -> bool:
    """Return true with probability exp(-exponent), for an exponent from 0 to 1."""
    number = 1
    while randbelow(exponent.denominator * number) < exponent.numerator:
        number += 1
    return number % 2 == 1
