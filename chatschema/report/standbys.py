"""The queries on standbys that are named with --replica: rows and findings added to the report on replication."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from chatschema.report.result import STATUSES, Finding, Gap, Result, status_of

_KIND = "query"


def added(result: Result, others: Iterable[tuple[str, Result]]) -> Result:
    """Return the result with the queries that the same report found on other nodes, each under the name of its node."""
    rows, findings, gaps = list(result.rows), list(result.findings), list(result.gaps)
    for node, other in others:
        rows += [_named(row, node) for row in other.rows if row["kind"] == _KIND]
        findings += [_elsewhere(finding, node) for finding in other.findings if finding.check == _KIND]
        gaps += [Gap(f"on {node}, {gap.what}", gap.fix) for gap in other.gaps]
    findings.sort(key=lambda one: STATUSES.index(one.severity))
    status = status_of(findings, gaps, ran=True) if result.is_evaluated else result.status
    return replace(result, rows=rows, findings=findings, gaps=gaps, status=status)


def _named(row: dict[str, Any], node: str) -> dict[str, Any]:
    return {**row, "object": f"{node} {row['object']}"}


def _elsewhere(finding: Finding, node: str) -> Finding:
    object_ = f"{node} {finding.object}"
    fix = f"-- on {node}:\n{finding.fix}" if finding.fix else None
    return replace(finding, id=f"{finding.report}.{finding.check}:{object_}", object=object_, fix=fix)
