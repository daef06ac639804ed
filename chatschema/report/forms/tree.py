"""Sessions that wait for each other, as nested lists: each session, and under it those that it blocks."""

from collections.abc import Sequence
from html import escape
from typing import Any

from chatschema.report import wording
from chatschema.report.result import Result

# The column that is indented by two blanks for each session in front.
_NAME = "session"
_INDENT = 2


def is_tree(result: Result) -> bool:
    """Return whether the rows are a tree of sessions, as those of the report on locks."""
    return _NAME in result.columns and bool(result.rows)


def of(result: Result) -> str:
    """Return the rows as nested lists."""
    parts, depth = [], -1
    for row in result.rows:
        indented = str(row[_NAME])
        level = (len(indented) - len(indented.lstrip(" "))) // _INDENT
        # A level that is skipped is not a level of the lists.
        level = min(level, depth + 1)
        parts.append("<ul>" * (level > depth) + "</li></ul>" * (depth - level) + "</li>" * (level <= depth))
        parts.append(f"<li>{_session(row, indented)}")
        depth = level
    parts.append("</li></ul>" * (depth + 1))
    return f'<div class="tree" role="group" aria-label="who waits for whom">{"".join(parts)}</div>'


def _session(row: dict[str, Any], indented: str) -> str:
    who = wording.flat(indented.strip().removeprefix("- "))
    about = [wording.flat(str(row[name])) for name in ("role", "application", "state") if row.get(name)]
    does = [
        f"{word} {wording.text(column, row[column])}"
        for word, column in (
            ("waits", "waits_ms"),
            ("for", "wants"),
            ("holds", "holds"),
            ("transaction open for", "transaction_ms"),
        )
        if row.get(column) is not None
    ]
    query = f'<code class="data">{escape(wording.flat(row["query"]))}</code>' if row.get("query") else ""
    return (
        f'<div class="session"><b class="data">{escape(who)}</b> <span class="soft">{escape(", ".join(about))}</span>'
        f"<div>{escape(_sentence(does))}</div>{query}</div>"
    )


def _sentence(does: Sequence[str]) -> str:
    text = ", ".join(does)
    return text.replace(", for ", " for ", 1)
