"""What findings mean to a CI job: known ones are left out, and the rest is compared with what is tolerated."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from chatschema.errors import UsageError
from chatschema.models import Suppression
from chatschema.report.result import STATUSES, Finding, Result, with_findings

# A measured value moves a little between two runs; more than this is worse.
WORSE = 1.1

Known = Mapping[str, tuple[str, float | None]]


def suppress(results: Sequence[Result], suppressions: Sequence[Suppression], today: date) -> list[Result]:
    """Return the results with the known findings marked; one whose last day has passed counts again."""
    valid = [one for one in suppressions if today <= one.until]

    def marked(finding: Finding) -> Finding:
        why = next((one.reason for one in valid if _names(one.finding, finding.id)), None)
        return replace(finding, suppressed=why) if why else finding

    return [with_findings(result, [marked(finding) for finding in result.findings]) for result in results]


def _names(pattern: str, id: str) -> bool:
    return bool(re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), id, re.DOTALL))


def expired(suppressions: Sequence[Suppression], today: date) -> list[str]:
    """Return what is to be said of suppressions whose last day has passed."""
    return [f"the suppression of {one.finding} ended on {one.until}: {one.reason}" for one in suppressions if today > one.until]


def baseline(path: Path) -> Known:
    """Return severity and value of each finding in a document that `report --json` printed. Raises UsageError."""
    try:
        document = json.loads(path.read_text("utf-8"))
        return {f["id"]: (f["severity"], f["value"]) for report in document["reports"] for f in report["findings"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not an answer of chatschema report --json: {error}", "write one: chatschema report --json"
        ) from None


def failing(results: Sequence[Result], fail_on: str, known: Known | None, *, allow_partial: bool) -> list[str]:
    """Return why a job fails: findings of severity `fail_on` or worse that are new, or worse than known; and what was not seen."""
    limit = STATUSES.index("critical" if fail_on == "critical" else "warn")
    reasons = [
        f"{finding.id} is {finding.severity}"
        for result in results
        for finding in result.findings
        if not finding.suppressed and STATUSES.index(finding.severity) <= limit and _is_news(finding, known)
    ]
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


def _is_news(finding: Finding, known: Known | None) -> bool:
    if known is None or finding.id not in known:
        return True
    severity, value = known[finding.id]
    if STATUSES.index(finding.severity) < STATUSES.index(severity):
        return True
    return finding.value is not None and value is not None and finding.value > value * WORSE
