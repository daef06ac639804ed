"""The part of docs/reference/reports.md that lists each report's checks and thresholds, from the headers under sql/reports/."""

from chatschema import assets
from chatschema.report import definition
from chatschema.report.definition import Definition


def text() -> str:
    """Return a table of all reports, and a section for each."""
    reports = definition.every(assets.sql_dir())
    rows = [f"| `{one.name}` | {_cell(one.title)} | {', '.join(one.checks)} |" for one in reports]
    table = "\n".join(["| report | shows | checks |", "|---|---|---|", *rows, ""])
    return "\n".join([table, *(_section(report) for report in reports)])


def _section(report: Definition) -> str:
    parts = [
        f"### {report.name}\n\n{_sentence(report.title)}\n\n{report.why}\n",
        _checks(report),
        _thresholds(report),
        _notes(report),
    ]
    return "\n".join(part for part in parts if part)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _checks(report: Definition) -> str:
    rows = [f"| `{report.name}.{check}` | {_cell(meaning)} |" for check, meaning in report.checks.items()]
    return "\n".join(["| check | finding |", "|---|---|", *rows, ""]) if rows else ""


def _thresholds(report: Definition) -> str:
    rows = [f"| `{name}` | {one.default} | {_cell(one.meaning)} |" for name, one in report.thresholds.items()]
    return "\n".join([f"| key in `[report.{report.name}]` | default | meaning |", "|---|---|---|", *rows, ""]) if rows else ""


def _notes(report: Definition) -> str:
    notes = []
    if report.needs:
        notes.append(f"Needs the extension {' and '.join(report.needs)}.")
    if report.fully:
        notes.append(f"Sees everything only as {', '.join(f'`{role}`' for role in report.fully)}.")
    if report.on_primary:
        notes.append("Runs on a primary only.")
    if not report.in_overview:
        notes.append("Not part of the overview.")
    return " ".join(notes) + "\n" if notes else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
