"""docs/reference/errors.md: the errors that the database raises, and every code that a command prints, with its explanation."""

from collections.abc import Iterator
from itertools import groupby

from chatschema import explanations, raised
from chatschema.explanations import Explanation

HEAD = """\
# Errors

Generated from the catalog of the schema (`sql/errors.json`), `chatschema/raised/actions.toml` and `chatschema/explanations/`.
[What the database raises](#what-the-database-raises) is for the application, [what the commands print](#what-the-commands-print)
for whoever runs `chatschema`.

## What the database raises

Every error has its SQLSTATE, and the name of a constraint, trigger or rule as constraint (node-postgres, Sequelize and psycopg
carry it). The triggers and functions of chatschema name the table, never a month of it; a check, a foreign key or a unique key that
PostgreSQL itself refuses has the month as table, and a unique key also in its name: `messages_y2026m11_pkey`. A `%` of the message
stands for a value: messages are for people, and may change. `chatschema explain` takes a name or an SQLSTATE.
[Errors that the application sees](application-errors.md) has what PostgreSQL raises on any schema, and how to log errors without
their rows.

| SQLSTATE | constraint | table | message | cause | what the application does |
|---|---|---|---|---|---|
{table}
Foreign keys from their other side (23001) are 23503 before PostgreSQL 18.

## What the commands print

Each error prints its code: `error[history.edited]: ...`. With `--json`, stdout has `{"error": {"code", "message", "hint"}}`.
A code never changes its meaning, so scripts can rely on it. `chatschema explain CODE` prints the texts below; it also explains the
checks of [the reports](reports.md), such as `queries.slow`. The [exit code](exit-codes.md) groups errors by what a script can do
about them.
"""


def text() -> str:
    """Return the page."""
    found = explanations.all_codes().values()
    parts = [HEAD.replace("{table}\n", "".join(_rows()))]
    for noun, codes in groupby(found, key=lambda one: one.code.partition(".")[0]):
        parts += [f"\n### {noun}\n", *(_section(one) for one in codes)]
    return "".join(parts)


def _rows() -> Iterator[str]:
    """Yield the lines of the table: the nine tables first, then the bookkeeping."""
    for error in sorted(raised.packaged(), key=lambda error: error.table.startswith("chatschema.")):
        cells = (
            error.sqlstate, f"`{error.name}`" if error.name else "none; `column` is set", error.table.removeprefix("public."),
            error.message, error.cause, error.action,
        )  # fmt: skip
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    yield (
        "| 23514 | none | messages, message_statuses | no partition of relation % found for row | The id is of a month that has no"
        " partition, or is no UUIDv7; this precedes every trigger. | Ask `chatschema.explain_message_id(id)` for the reason. |\n"
    )


def _section(one: Explanation) -> str:
    return f"\n#### {one.code}\n\n{one.summary}\n\n*Why:* {one.why}\n\n*Fix:* {one.fix}\n"
