"""The texts that all forms of a report share: header, findings, names and units of columns."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from chatschema import units
from chatschema.report.result import STATUSES, Coverage, Finding, Result

_SUFFIXES = ("_bytes", "_ms", "_at")
# A number of five digits or more and what it counts.
_COUNT = re.compile(
    r"(?<![\w.:/-])\d{5,}(?= (?:of|rows?|times|dead|calls?|blocks?|transactions|more|scans|sessions|keys|partitions|others|writes"
    r"|sequential)\b)"
    r"|(?<= of )\d{5,}(?![\w.])"
)


def header(coverage: Coverage) -> str:
    """Return server, database, role and start of the statistics, as one line."""
    standby = ", standby" if coverage.is_standby else ""
    return (
        f"PostgreSQL {coverage.version}{standby}, database {coverage.database}, as {coverage.role};"
        f" statistics since {units.when(coverage.since)} UTC ({days(coverage)})"
    )


def days(coverage: Coverage) -> str:
    """Return how long the statistics have been counting."""
    return f"{coverage.days:,.0f} days" if coverage.days >= 100 else units.duration(coverage.days * 86_400_000)


def findings(results: Iterable[Result]) -> list[Finding]:
    """Return the findings of all reports, worst first; a gap is one of them, as it must not look like ok."""
    found: list[Finding] = []
    for result in results:
        prefix = "" if result.status == "not evaluated" else "partly evaluated: "
        found += [
            Finding(result.report, result.report, "", None, "not evaluated", prefix + gap.what, None, None, gap.fix, None)
            for gap in result.gaps
        ]
        found += result.findings
    return sorted(found, key=lambda finding: STATUSES.index(finding.severity))


def name_of(finding: Finding) -> str:
    """Return report and check: the part of the id before the object."""
    return f"{finding.report}.{finding.check}" if finding.check else finding.report


def filled(result: Result) -> list[str]:
    """Return the columns that have a value in any row."""
    return [column for column in result.columns if any(row[column] is not None for row in result.rows)]


def is_number(value: Any) -> bool:
    """Return whether the value is a number."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def numeric(rows: Sequence[dict[str, Any]], column: str) -> bool:
    """Return whether the column contains only numbers."""
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(map(is_number, values))


def title(column: str) -> str:
    """Return the name of a column for people."""
    for suffix in _SUFFIXES:
        column = column.removesuffix(suffix)
    if column.endswith("_pct"):
        column = column.removesuffix("_pct") + " %"
    return column.removeprefix("is_").replace("_", " ")


def text(column: str, value: Any) -> str:
    """Return a value for people; its unit is in the name of its column."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return units.when(value)
    if is_number(value):
        return number(column, value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def raw(value: Any) -> str:
    """Return a value for programs: times as ISO 8601 in UTC, nothing rounded, the empty text for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return units.iso(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value.is_finite() else str(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def number(column: str, value: float | Decimal) -> str:
    """Return a number for people; a whole one of any length is not rounded."""
    if column.endswith("_bytes"):
        return units.size(float(value))
    if column.endswith("_ms"):
        return units.duration(float(value))
    if column.endswith("_pct"):
        return f"{value:.1f}"
    if not math.isfinite(value):
        return str(value)
    return f"{int(value):,}" if value == int(value) else f"{value:,.2f}"


def grouped(message: str) -> str:
    """Return the message with the digits of its counts in groups: of numbers before a word such as rows, never of ids."""
    return _COUNT.sub(lambda found: f"{int(found[0]):,}", message)


def flat(words: str) -> str:
    """Return the text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in words).split())
