"""Reports as OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/), for alerting."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from chatschema import exposition
from chatschema.exposition import Family, Labels
from chatschema.report import wording
from chatschema.report.result import STATUSES, Coverage, Finding, Result

# Every series costs the collector memory. Reports list the most important rows first; the queries after these take almost no time.
_QUERIES, _ROWS, _OBJECTS = 50, 200, 100
# The longest name in PostgreSQL; a longer text is not a name.
_NAME_BYTES = 63
# The suffix of a column: the suffix of the metric, and the factor of its values.
_UNITS = {"_bytes": ("_bytes", 1.0), "_ms": ("_seconds", 0.001), "_pct": ("_ratio", 0.01), "_at": ("_timestamp_seconds", 1.0),
          "_days": ("_seconds", 86400.0)}  # fmt: skip
# A session's number changes from moment to moment, and a query's text may be anything.
_SESSION, _QUERY = re.compile(r"^\d+ \((.*)\)$", re.DOTALL), re.compile(r"^(-?\d+): .*$", re.DOTALL)
_CODES = {status: code for code, status in enumerate(reversed(STATUSES))}


def text(results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    """Return one exposition, its end marker included: status and findings of each report, and its rows by object.

    A row is labelled with the name of its object, or the number of its query, never the query's text; a row without either,
    such as a session's, makes no series. All are labelled with the database.
    """
    del is_overview
    # A gauge: the older text format, which node_exporter's textfile collector reads, has no info metric.
    server = {"version": coverage.version, "role": coverage.role, "standby": str(coverage.is_standby).lower()}
    codes = ", ".join(f"{code} {status}" for status, code in _CODES.items())
    families = [
        Family("chatschema_report_server_info", "The server, as this role sees it.", [(server, 1)]),
        Family(
            "chatschema_report_window_seconds", "How long the statistics have been counting.",
            [({}, (coverage.now - coverage.since).total_seconds())],
        ),
        Family(
            "chatschema_report_status", f"The worst of a report: {codes}.",
            [({"report": result.report}, _CODES[result.status]) for result in results],
        ),
        Family(
            "chatschema_report_findings", "Findings by severity, without those suppressed in chatschema.toml.",
            list(_counts(results)),
        ),
        *_values(results),
        Family(
            "chatschema_report_duration_seconds", "How long the query of a report took.",
            [({"report": result.report}, result.duration_ms / 1000) for result in results],
        ),
        *(family for result in results for family in _rows(result)),
    ]  # fmt: skip
    return exposition.text(families, coverage.database)


def _counts(results: Iterable[Result]) -> Iterator[tuple[Labels, int]]:
    found = Counter((f.report, f.check, f.severity) for f in wording.findings(results) if not f.suppressed)
    for (report, check, severity), count in found.items():
        yield {"report": report, "check": check or "coverage", "severity": severity}, count


def _values(results: Iterable[Result]) -> Iterator[Family]:
    """Yield the measured value of the findings and their threshold, in the unit of the check; the worst of each object."""
    worst: dict[tuple[str, str, str, str], tuple[float, float | None]] = {}
    objects = Counter[tuple[str, str]]()
    for finding in wording.findings(results):
        if finding.suppressed or finding.value is None or not math.isfinite(finding.value):
            continue
        key = (finding.report, finding.check, _object(finding), finding.severity)
        objects[key[:2]] += key not in worst
        if key in worst or objects[key[:2]] <= _OBJECTS:
            worst[key] = max(worst.get(key, (-math.inf, None)), (finding.value, finding.threshold), key=lambda pair: pair[0])
    named = [(dict(zip(("report", "check", "object", "severity"), key, strict=True)), pair) for key, pair in worst.items()]
    about = "of a finding, in the unit of its check: see chatschema report explain"
    yield Family("chatschema_report_finding_value", f"Measured value {about}.", [(labels, pair[0]) for labels, pair in named])
    yield Family(
        "chatschema_report_finding_threshold", f"Threshold {about}.",
        [(labels, pair[1]) for labels, pair in named if pair[1] is not None],
    )  # fmt: skip


def _object(finding: Finding) -> str:
    name = finding.object or ""
    found = _SESSION.match(name) or _QUERY.match(name)
    return (found[1] if found else name).encode()[:_NAME_BYTES].decode(errors="ignore")


def _rows(result: Result) -> Iterator[Family]:
    """Yield a family for each column of numbers.

    A counter is a sum over roles and partitions. When one of them is dropped it falls, which a collector takes for a reset.
    """
    named = list(_named(result))
    for column in result.columns:
        values = [(labels, value) for labels, row in named if (value := _value(row[column])) is not None]
        # The place of a row is not a measure.
        if not values or column == "n":
            continue
        suffix = next((end for end in _UNITS if column.endswith(end)), "")
        unit, factor = _UNITS.get(suffix, ("", 1.0))
        name = exposition.name(f"chatschema_report_{result.report}_{column.removesuffix(suffix)}")
        is_counter = column in result.counters
        # total_ms as a counter is ..._seconds_total: one total is enough.
        name = (name.removesuffix("_total") if is_counter else name) + unit
        help = f"{wording.title(column.removesuffix('_pct').removesuffix('_days'))} in the report on {result.report}."
        scaled = [(labels, value if factor == 1 else value * factor) for labels, value in values]
        yield Family(name, help, scaled, is_counter)


def _named(result: Result) -> Iterator[tuple[Labels, dict[str, Any]]]:
    """Yield the rows of something with a name, each with unique labels."""
    by = "queryid" if "queryid" in result.columns else "object"
    rows = [row for row in result.rows if row.get(by) and not (by == "object" and str(row[by]).isdigit())]
    rows = rows[: _QUERIES if by == "queryid" else _ROWS]
    labels = [by]
    others = [column for column in result.columns if column not in (by, "query") and _is_name(rows, column)]
    while others and len({tuple(row[name] for name in labels) for row in rows}) < len(rows):
        labels.append(others.pop(0))
    seen = set()
    for row in rows:
        key = tuple(str(row[name] or "") for name in labels)
        if key not in seen:
            seen.add(key)
            yield dict(zip(map(exposition.name, labels), key, strict=True)), row


def _is_name(rows: Sequence[dict[str, Any]], column: str) -> bool:
    return all(row[column] is None or (isinstance(row[column], str) and len(row[column].encode()) <= _NAME_BYTES) for row in rows)


def _value(value: Any) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bool | int):
        return int(value)
    return float(value) if wording.is_number(value) else None
