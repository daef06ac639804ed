"""The result of a report: rows, findings, and gaps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

Severity = Literal["critical", "warn", "info", "not evaluated", "no verdict"]
Status = Literal["critical", "warn", "info", "not evaluated", "partial", "no verdict", "ok"]

# Worst first: the order of every listing.
STATUSES: tuple[Status, ...] = ("critical", "warn", "not evaluated", "partial", "info", "no verdict", "ok")
# The columns of a report's query that make a finding; the others are its table.
FINDING_COLUMNS = ("severity", "check_name", "object", "message", "value", "threshold", "fix", "undo")
# This one may be missing.
CAUSE = "cause"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at. `id` stays the same for the same problem; a larger `value` is a worse one.

    `severity` is "not evaluated" if a privilege or an extension is missing, "no verdict" if time or a setting is.
    `fix` is the statement or command to run, `undo` reverses it; `suppressed` is the reason given in chatschema.toml. `cause` is
    the beginning of the id of the finding that explains this one, if there is one: report, report.check or more.
    """

    id: str
    report: str
    check: str
    object: str | None
    severity: Severity
    message: str
    value: float | None
    threshold: float | None
    fix: str | None
    undo: str | None
    suppressed: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Information that a report could not see, and the statement or command that makes it visible."""

    what: str
    fix: str | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The server, what the role may see on it, and since when its statistics count.

    `since` is the moment of their last reset; after a crash that is the restart. `refused` are the parts of reports that only a
    superuser may run.
    """

    version: str
    version_num: int
    database: str
    role: str
    host: str
    is_standby: bool
    now: datetime
    since: datetime
    roles: tuple[str, ...]
    extensions: dict[str, str]
    available: tuple[str, ...]
    preloaded: str | None
    is_statements_loaded: bool
    is_io_timed: bool
    standbys: int
    system_identifier: str | None = None
    refused: tuple[str, ...] = ()

    @property
    def days(self) -> float:
        """Days the statistics cover."""
        return (self.now - self.since).total_seconds() / 86400


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one report. `columns` name the cells of `rows`; their suffix is their unit: _bytes, _ms, _pct, _at.

    `is_acute`: whether it looks at this moment. `counters`: the columns that only grow until the statistics are reset.
    """

    report: str
    title: str
    status: Status
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    findings: list[Finding]
    gaps: list[Gap]
    duration_ms: float
    is_evaluated: bool = True
    is_acute: bool = False
    counters: tuple[str, ...] = ()


def status_of(findings: Sequence[Finding], gaps: Sequence[Gap], *, ran: bool) -> Status:
    """Return the worst status. A report that was not evaluated never counts as ok."""
    if not ran:
        return "not evaluated"
    seen = {finding.severity for finding in findings if not finding.suppressed}
    if gaps:
        seen_or_partial: set[str] = {*seen, "partial"}
        return next(status for status in STATUSES if status in seen_or_partial)
    return next((status for status in STATUSES if status in seen), "ok")


def with_findings(result: Result, findings: list[Finding]) -> Result:
    """Return the result with other findings, and the status that follows from them."""
    return replace(result, findings=findings, status=status_of(findings, result.gaps, ran=result.is_evaluated))
