"""Reports as CSV (RFC 4180, lines ended by a line feed): the rows of one report, or the findings of the overview."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any

from chatschema.report import wording
from chatschema.report.result import Coverage, Result

_FINDING = ("id", "severity", "object", "message", "value", "threshold", "fix", "suppressed")


def text(results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    """Return a header and lines, values as from the server: bytes, milliseconds, UTC. A null is empty."""
    del coverage
    if is_overview:
        found = wording.findings(results)
        return _lines(_FINDING, ([getattr(finding, name) for name in _FINDING] for finding in found))
    (result,) = results
    return _lines(result.columns, ([row[column] for column in result.columns] for row in result.rows))


class _Sink(list[str]):
    """What csv.writer writes to, a line at a time."""

    write = list.append


def _lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    sink = _Sink()
    # A character is quoted only if the line end contains it: with "\n" a bare carriage return in a text would end the line.
    writer = csv.writer(sink, lineterminator="\r\n")
    if header:
        writer.writerow(header)
    writer.writerows([wording.raw(value) for value in row] for row in rows)
    return "".join(line.removesuffix("\r\n") + "\n" for line in sink)
