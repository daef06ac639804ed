"""Reporting how far the batches of a migration have come: rows, rows a second, and the time left."""

import time

from chatschema import units
from chatschema.migration.batch.record import Work
from chatschema.postgres import Say

_EVERY_S = 2.0


class Progress:
    """Reports a line every few seconds."""

    def __init__(self, work: Work, say: Say) -> None:
        self._say = say
        self._expected = work.batch.rows_expected if work.batch.round == 1 else None
        self._done, self._read = work.batch.rows_done, work.batch.rows_read
        self._began = self._said = time.monotonic()
        self._read_before = self._read

    def add(self, done: int, read: int) -> None:
        """Count the rows of a batch, and report them when it is time."""
        self._done += done
        self._read += read
        now = time.monotonic()
        if now - self._said < _EVERY_S:
            return
        self._said = now
        rate = (self._read - self._read_before) / (now - self._began)
        of = f" of about {self._expected}" if self._expected and self._expected >= self._read else ""
        left = ""
        # After a few rows, or a row that was held, the rate says nothing yet.
        if of and self._expected and self._read - self._read_before > self._expected / 100:
            left = f", {units.duration((self._expected - self._read) / rate * 1000)} left"
        self._say(f"{self._read}{of} rows, {rate:.0f} rows/s{left}")
