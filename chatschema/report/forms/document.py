"""The results of reports as one document with stable keys, as --json prints it and --baseline reads it."""

from collections.abc import Sequence
from typing import Any

from chatschema.report.result import Coverage, Result

FORMAT = 1


def of(results: Sequence[Result], coverage: Coverage) -> dict[str, Any]:
    """Return server, window and reports; sizes in bytes, durations in milliseconds."""
    return {
        "format": FORMAT,
        "server": {
            "version": coverage.version,
            "database": coverage.database,
            "role": coverage.role,
            "host": coverage.host,
            "is_standby": coverage.is_standby,
        },
        "at": coverage.now,
        "statistics_since": coverage.since,
        "statistics_days": round(coverage.days, 3),
        "reports": [
            {
                "name": result.report,
                "title": result.title,
                "status": result.status,
                "gaps": result.gaps,
                "findings": result.findings,
                "rows": result.rows,
                "duration_ms": result.duration_ms,
            }
            for result in results
        ],
    }
