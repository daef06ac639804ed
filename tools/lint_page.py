"""docs/reference/lint-rules.md: every rule of `chatschema lint`, with its examples."""

from chatschema.lint import pages
from chatschema.lint.pages import Page
from chatschema.task import linting

HEAD = """\
# Rules of lint

Generated from `chatschema/lint/pages/`. `chatschema explain lint.RULE` prints the same; [Check migrations](../how-to/lint.md) shows
how to use them.

The tests run every example: the bad one breaks its rule, the good one breaks none, and the lock is the one that the server takes
for the bad one. Times were measured with 500,000 messages in 24 months, on two cores. `-- next file` divides files.

| rule | level | what it finds |
|---|---|---|
"""


def text() -> str:
    """Return the page."""
    found = {rule: pages.every()[pages.code(rule)] for rule in linting.RULES}
    levels = {rule: one.level + (" *" if one.cost else "") for rule, one in linting.RULES.items()}
    rows = [f"| [{rule}](#{_anchor(page)}) | {levels[rule]} | {page.summary} |\n" for rule, page in found.items()]
    note = "\n\\* With a database the size and the traffic of the table decide.\n"
    return "".join([HEAD, *rows, note, *(_section(page) for page in found.values())])


def _anchor(page: Page) -> str:
    return page.code.replace(".", "")


def _section(page: Page) -> str:
    lock = "" if page.lock == "none" else f"*Lock:* {page.lock}.\n\n"
    examples = f"```sql\n-- bad\n{page.bad}\n```\n\n```sql\n-- good\n{page.good}\n```\n"
    return f"\n## {page.code}\n\n{page.summary}\n\n*Why:* {page.why}\n\n*Fix:* {page.fix}\n\n{lock}{examples}"
