"""docs/reference/errors.md: every code that an error prints, with its explanation."""

from itertools import groupby

from chatschema import explanations
from chatschema.explanations import Explanation

HEAD = """\
# Errors

Generated from `chatschema/explanations/`.

Each error prints its code: `error[history.edited]: ...`. With `--json`, stdout has `{"error": {"code", "message", "hint"}}`.
A code never changes its meaning, so scripts can rely on it. `chatschema explain CODE` prints the texts below; it also explains the
checks of [the reports](reports.md), such as `queries.slow`. The [exit code](exit-codes.md) groups errors by what a script can do
about them.
"""


def text() -> str:
    """Return the page."""
    found = explanations.all_codes().values()
    parts = [HEAD]
    for noun, codes in groupby(found, key=lambda one: one.code.partition(".")[0]):
        parts += [f"\n## {noun}\n", *(_section(one) for one in codes)]
    return "".join(parts)


def _section(one: Explanation) -> str:
    return f"\n### {one.code}\n\n{one.summary}\n\n*Why:* {one.why}\n\n*Fix:* {one.fix}\n"
