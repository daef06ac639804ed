"""Reports as OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/), for alerting."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from chatschema.report import wording
from chatschema.report.result import STATUSES, Coverage, Result

# Every series costs the collector memory for as long as it is kept; the queries below these take next to no time.
_QUERIES = 50
# No name that PostgreSQL keeps is longer; a longer text is not one.
_NAME_BYTES = 63
# The suffix of a column: that of the metric, and what its values are multiplied with.
_UNITS = {"_bytes": ("_bytes", 1.0), "_ms": ("_seconds", 0.001), "_pct": ("_ratio", 0.01), "_at": ("_timestamp_seconds", 1.0)}
_CODES = {status: code for code, status in enumerate(reversed(STATUSES))}

Labels = dict[str, str]


def text(results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    """Return one exposition, its end marker included: status and findings of each report, and its rows by object.

    A row is labelled with the name of its object, or the number of its query, never the query's text; a row that has
    neither, such as a session's, is none to keep a series of.
    """
    del is_overview
    # A gauge, as the older text format, which node_exporter's textfile collector reads, knows no info.
    lines = _family("chatschema_report_server_info", "The server, as this role sees it.")
    server = {"version": coverage.version, "database": coverage.database, "role": coverage.role}
    lines.append(_sample("chatschema_report_server_info", 1, {**server, "standby": str(coverage.is_standby).lower()}))
    window = "chatschema_report_window_seconds"
    lines += _family(window, "For how long the statistics have counted.")
    lines.append(_sample(window, (coverage.now - coverage.since).total_seconds(), {}))
    codes = ", ".join(f"{code} {status}" for status, code in _CODES.items())
    lines += _family("chatschema_report_status", f"The worst of a report: {codes}.")
    lines += [_sample("chatschema_report_status", _CODES[result.status], {"report": result.report}) for result in results]
    lines += _family("chatschema_report_findings", "Findings by severity, without those that chatschema.toml leaves out.")
    lines += [_sample("chatschema_report_findings", count, labels) for labels, count in _counts(results)]
    lines += _family("chatschema_report_duration_seconds", "How long the query of a report took.")
    lines += [
        _sample("chatschema_report_duration_seconds", result.duration_ms / 1000, {"report": result.report}) for result in results
    ]
    for result in results:
        lines += _rows(result)
    return "\n".join([*lines, "# EOF\n"])


def _counts(results: Iterable[Result]) -> Iterator[tuple[Labels, int]]:
    found = Counter((f.report, f.check, f.severity) for f in wording.findings(results) if not f.suppressed)
    for (report, check, severity), count in found.items():
        yield {"report": report, "check": check or "coverage", "severity": severity}, count


def _rows(result: Result) -> Iterator[str]:
    """Yield a family for each column of numbers.

    Gauges, also where the server counts up: what is here is a sum over roles and partitions, which falls when one of them
    is dropped or evicted, and a counter never may.
    """
    named = list(_named(result))
    for column in result.columns:
        values = [(labels, value) for labels, row in named if (value := _value(row[column])) is not None]
        # The place of a row is no measure.
        if not values or column == "n":
            continue
        suffix = next((end for end in _UNITS if column.endswith(end)), "")
        unit, factor = _UNITS.get(suffix, ("", 1.0))
        name = _metric(f"chatschema_report_{result.report}_{column.removesuffix(suffix)}{unit}")
        yield from _family(name, f"{wording.title(column.removesuffix('_pct'))} in the report on {result.report}.")
        for labels, value in values:
            yield _sample(name, value if factor == 1 else value * factor, labels)


def _named(result: Result) -> Iterator[tuple[Labels, dict[str, Any]]]:
    """Yield the rows that are of something with a name, with labels that no other has."""
    by = "queryid" if "queryid" in result.columns else "object"
    rows = [row for row in result.rows if row.get(by)]
    if by == "queryid":
        rows = rows[:_QUERIES]
    labels = [by]
    others = [column for column in result.columns if column not in (by, "query") and _is_name(rows, column)]
    while others and len({tuple(row[name] for name in labels) for row in rows}) < len(rows):
        labels.append(others.pop(0))
    seen = set()
    for row in rows:
        key = tuple(str(row[name] or "") for name in labels)
        if key not in seen:
            seen.add(key)
            yield dict(zip(map(_metric, labels), key, strict=True)), row


def _is_name(rows: Sequence[dict[str, Any]], column: str) -> bool:
    return all(row[column] is None or (isinstance(row[column], str) and len(row[column].encode()) <= _NAME_BYTES) for row in rows)


def _value(value: Any) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bool | int):
        return int(value)
    return float(value) if wording.is_number(value) else None


def _metric(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _family(name: str, help: str, kind: str = "gauge") -> list[str]:
    unit = next((unit for unit in ("bytes", "seconds", "ratio") if name.endswith(f"_{unit}")), "")
    return [f"# TYPE {name} {kind}", *([f"# UNIT {name} {unit}"] if unit else []), f"# HELP {name} {_escaped(help)}"]


def _sample(name: str, value: float, labels: Labels) -> str:
    joined = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = str(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return f"{name}{{{joined}}} {number}" if joined else f"{name} {number}"


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
