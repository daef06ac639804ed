"""The findings as other programs read them: a document, annotations of GitHub, and SARIF. Pure."""

from collections.abc import Sequence
from typing import Any

from chatschema import __version__
from chatschema.lint.values import Finding, Level

_GITHUB: dict[Level, str] = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF: dict[Level, str] = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def code(finding: Finding) -> str:
    """Return the code that `chatschema explain` takes."""
    return finding.rule if "." in finding.rule else f"lint.{finding.rule}"


def document(finding: Finding) -> dict[str, object]:
    """Return the finding for a document of --json."""
    return {
        "code": code(finding), "level": finding.level, "file": finding.file.as_posix(), "line": finding.line,
        "message": finding.message, "fix": finding.fix, "table": finding.table, "size": finding.weight,
        "ignored_because": finding.because,
    }  # fmt: skip


def github(findings: Sequence[Finding]) -> list[str]:
    """Return the findings that are not ignored as workflow commands of GitHub Actions."""
    lines = []
    for one in findings:
        if one.because is not None:
            continue
        place = f"file={_property(str(one.file))},line={one.line},title={_property(code(one))}"
        lines.append(f"::{_GITHUB[one.level]} {place}::{_escaped(f'{one.message}. Fix: {one.fix}')}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def sarif(findings: Sequence[Finding], summaries: dict[str, str]) -> dict[str, Any]:
    """Return the findings as a SARIF 2.1.0 document; ignored ones are suppressed results, with their reasons."""
    rules = sorted({code(one) for one in findings})
    driver = {
        "name": "chatschema", "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": summaries.get(rule, rule)}} for rule in rules],
    }  # fmt: skip
    results = [_result(one, rules) for one in findings]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    from urllib.parse import quote

    place = {"artifactLocation": {"uri": quote(finding.file.as_posix())}, "region": {"startLine": finding.line}}
    result: dict[str, Any] = {
        "ruleId": code(finding), "ruleIndex": rules.index(code(finding)), "level": _SARIF[finding.level],
        "message": {"text": f"{finding.message}. Fix: {finding.fix}"}, "locations": [{"physicalLocation": place}],
    }  # fmt: skip
    if finding.because is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.because}]
    return result
