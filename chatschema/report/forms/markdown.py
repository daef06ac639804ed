"""Reports as Markdown with tables (GitHub's), for an issue or a wiki."""

import re
from collections.abc import Sequence
from typing import Any

from chatschema.report import wording
from chatschema.report.result import Coverage, Finding, Result

# Characters with a meaning in Markdown; an underscore inside a word has none.
_MARKS = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)")


def text(results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    """Return the header, the findings worst first, their fixes, and the rows of a single report."""
    found = [finding for finding in wording.findings(results) if not finding.suppressed]
    name = "Health of the database" if is_overview else f"{results[0].report}: {results[0].title}"
    parts = [f"# {cell(name)}", cell(wording.header(coverage))]
    passed = ", ".join(sorted(result.report for result in results if result.status == "ok"))
    if found:
        parts.append(
            table(
                ["", "severity", "check", "object", "finding"],
                [
                    [str(at), finding.severity, wording.name_of(finding), finding.object or "", finding.message]
                    for at, finding in enumerate(found, 1)
                ],
            )
        )
    if passed:
        parts.append(f"ok: {cell(passed)}")
    known = sum(bool(finding.suppressed) for result in results for finding in result.findings)
    if known:
        parts.append(f"suppressed in chatschema.toml: {known}")
    fixes = [_fix(at, finding) for at, finding in enumerate(found, 1) if finding.fix]
    if fixes:
        parts += ["## Fixes", *fixes]
    if not is_overview and results[0].rows:
        parts += ["## Rows", table_of(wording.filled(results[0]), results[0].rows)]
    return "\n\n".join(parts) + "\n"


def table_of(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a table, numbers with their units."""
    right = [i for i, column in enumerate(columns) if wording.numeric(rows, column)]
    cells = [[wording.text(column, row[column]) for column in columns] for row in rows]
    return table([wording.title(column) for column in columns], cells, right)


def _fix(number: int, finding: Finding) -> str:
    lines = (finding.fix or "").rstrip()
    if finding.undo:
        lines += "\n-- to undo it:\n" + "\n".join(f"-- {line}" for line in finding.undo.splitlines())
    object_ = f": {finding.object}" if finding.object else ""
    return f"{number}. {cell(wording.name_of(finding) + object_)}\n\n{code(lines)}"


def code(lines: str) -> str:
    """Return SQL in a fence that no text in it can close."""
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`+", lines)), 3)
    return f"{fence}sql\n{lines}\n{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table; `right` are the places of the columns of numbers."""
    lines = [header, ["---:" if i in right else "---" for i in range(len(header))]]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *([cell(words) for words in row] for row in rows)])


def cell(words: str) -> str:
    """Return the text so that no part of it is a mark, a tag or the end of a cell."""
    # A tree is indented with blanks, which a table would drop.
    indent = "&nbsp;" * (len(words) - len(words.lstrip(" ")))
    plain = wording.flat(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return indent + _MARKS.sub(lambda mark: "\\" + mark.group(), plain)
