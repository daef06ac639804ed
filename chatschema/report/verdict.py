"""The verdict for a CI job: suppressed findings are left out, and the others are compared with a baseline."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from chatschema.errors import UsageError
from chatschema.report.literals import bare
from chatschema.report.result import STATUSES, Finding, Result, Status, with_findings
from chatschema.values import Suppression

# A measured value varies a little between two runs; a value this many times larger is worse.
WORSE = 1.1

Known = Mapping[str, Sequence[tuple[Status, float | None]]]


def suppress(results: Sequence[Result], suppressions: Sequence[Suppression], today: date) -> list[Result]:
    """Return the results with the suppressed findings marked; a suppression whose last day has passed has no effect."""
    valid = [one for one in suppressions if today <= one.until]

    def marked(finding: Finding) -> Finding:
        why = next((one.reason for one in valid if _names(one.finding, finding.id)), None)
        return replace(finding, suppressed=why) if why else finding

    return [with_findings(result, [marked(finding) for finding in result.findings]) for result in results]


def _names(pattern: str, id: str) -> bool:
    return bool(re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), id, re.DOTALL))


def expired(suppressions: Sequence[Suppression], today: date) -> list[str]:
    """Return a warning for each suppression whose last day has passed."""
    return [
        f"the suppression of {one.finding} expired on {one.until}; its reason was: {one.reason}"
        for one in suppressions
        if today > one.until
    ]


def baseline(path: Path) -> Known:
    """Return severities and values of the findings in a document that `report --json` printed, by id. Raises UsageError.

    A finding that was suppressed then is not in the baseline: its suppression may have expired.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        found = [f for report in document["reports"] for f in report["findings"] if not f["suppressed"]]
        known: dict[str, list[tuple[Status, float | None]]] = {}
        for one in found:
            known.setdefault(one["id"], []).append((STATUSES[STATUSES.index(one["severity"])], one["value"]))
        return known
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not a document of chatschema report --json: {error}",
            f"write one: chatschema report --json > {path}",
            code="report.baseline",
        ) from None


def failing(results: Sequence[Result], fail_on: str, known: Known | None, *, allow_partial: bool) -> list[str]:
    """Return why a job fails: findings of severity `fail_on` or worse that are new or worse than in the baseline; and gaps."""
    limit = STATUSES.index("critical" if fail_on == "critical" else "warn")
    bad: dict[str, list[Finding]] = {}
    for result in results:
        for finding in result.findings:
            if not finding.suppressed and STATUSES.index(finding.severity) <= limit:
                bad.setdefault(finding.id, []).append(finding)
    before = _renamed(known or {}, {finding.id for result in results for finding in result.findings})
    reasons = [f"{id} is {found[0].severity}" for id, found in bad.items() if _is_news(found, before.get(id, ()))]
    if allow_partial:
        return reasons
    for result in results:
        reasons += [f"{result.report} was not evaluated: {gap.what}" for gap in result.gaps]
        reasons += [
            f"{finding.id} was not evaluated: {finding.message}"
            for finding in result.findings
            if finding.severity == "not evaluated" and not finding.suppressed
        ]
    return reasons


def _renamed(known: Known, now: Collection[str]) -> Known:
    """Return the baseline with today's ids: before PostgreSQL 18, recreating a table gives its queries other numbers.

    A query that is missing today is the one with the same text, or with the same number where only a comment differs.
    """
    ids, found = set(now), dict(known)
    for id in sorted(ids - known.keys()):
        query = _QUERY.fullmatch(id)
        left = [one for one in found.keys() - ids if query and _is_same_query(query, _QUERY.fullmatch(one))]
        if left:
            found[id] = found.pop(min(left, key=lambda one: (_number(one) != _number(id), one)))
    return found


_QUERY = re.compile(r"(?P<check>queries\.\w+):(?P<number>-?\d+): (?P<text>.*)", re.DOTALL)


def _number(id: str) -> str:
    return id.split(":")[1]


def _is_same_query(one: re.Match[str], other: re.Match[str] | None) -> bool:
    if other is None or one["check"] != other["check"]:
        return False
    return one["number"] == other["number"] or bare(one["text"]) == bare(other["text"])


def _is_news(found: Sequence[Finding], known: Sequence[tuple[Status, float | None]]) -> bool:
    """Return whether there are more findings of one id than in the baseline, or one is worse than the worst of those."""
    if len(found) > len(known):
        return True
    severity = min(STATUSES.index(one) for one, _ in known)
    values = [value for _, value in known if value is not None]
    return any(
        STATUSES.index(one.severity) < severity or (one.value is not None and bool(values) and _is_worse(one, max(values)))
        for one in found
    )


def _is_worse(finding: Finding, known: float) -> bool:
    value, limit = finding.value or 0, finding.threshold
    if limit is not None and limit <= 100 and known < value <= 100:
        # For a percentage the rest counts: from 91 to 99, little of it is left.
        return 100 - value < (100 - known) / WORSE
    return value > known * WORSE
