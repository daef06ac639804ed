"""All rules, and the hits of a migration."""

from collections.abc import Iterator

from chatschema.errors import ChatschemaError
from chatschema.lint.known import Known
from chatschema.lint.rules import columns, constraints, documents, indexes, removals, repeating, rights, rows, tables, undoing
from chatschema.lint.subject import Subject
from chatschema.lint.values import Hit, Rule
from chatschema.migration import files as migration_files

_RULES = (
    # The server, or migrate, refuses the file.
    Rule("syntax", "error"), Rule("refused", "error"), Rule("concurrently", "error"), Rule("partition-key", "error"),
    Rule("index-only", "error"), Rule("required-column", "error"), Rule("enum-value", "error"), Rule("newer-syntax", "error"),
    # Others wait.
    Rule("index", "warning", "read"), Rule("drop-index", "warning"), Rule("reindex", "warning", "read"),
    Rule("check", "warning", "read"), Rule("foreign-key", "warning", "read"), Rule("foreign-key-months", "warning"),
    Rule("validate", "warning", "read"), Rule("unique", "warning", "read"), Rule("not-null", "warning", "read"),
    Rule("column-default", "warning", "write"), Rule("column-type", "warning", "write"), Rule("rewrite", "warning", "write"),
    Rule("refresh", "warning", "read"), Rule("attach", "warning", "read"), Rule("detach", "warning"),
    Rule("default-partition", "warning"), Rule("lock-table", "warning"), Rule("several-tables", "warning"),
    # Rows.
    Rule("no-where", "error", "write"), Rule("backfill", "warning", "write"), Rule("ddl-and-rows", "warning", "write"),
    Rule("truncate", "error"),
    # The running release.
    Rule("drop", "warning"), Rule("rename", "warning"), Rule("cascade", "error"), Rule("no-policy", "warning"),
    # Protection.
    Rule("search-path", "error"), Rule("grant-public", "error"), Rule("turned-off", "error"), Rule("password", "error"),
    Rule("superuser", "error"), Rule("no-row-security", "warning"),
    # Undoing.
    Rule("no-rollback", "warning"), Rule("rollback-drops", "error"),
    # Repeatable files.
    Rule("run-once", "error"),
    # Documents and types.
    Rule("header", "warning"), Rule("comment", "warning"), Rule("index-query", "warning"), Rule("unnamed", "warning"),
    Rule("json", "warning"), Rule("small-key", "warning"),
    # The comments that turn a rule off.
    Rule("ignore", "error"), Rule("unused-ignore", "warning"),
)  # fmt: skip
RULES = {rule.name: rule for rule in _RULES}
_OF_STATEMENT = (indexes.check, constraints.check, columns.check, tables.check, removals.check, rows.check, rights.check)
_OF_FILE = (
    tables.several,
    tables.outside,
    undoing.check,
    repeating.check,
    documents.header,
    documents.comments,
    documents.unnamed,
    rights.unprotected,
)


def hits(subject: Subject) -> list[Hit]:
    """Return the hits of a migration, in the order of its lines."""
    found = [*_broken(subject), *_refused(subject), *_of_statements(subject)]
    for check in _OF_FILE:
        found.extend(check(subject))
    return sorted(dict.fromkeys(found), key=lambda hit: (hit.is_rollback, hit.line))


def _of_statements(subject: Subject) -> Iterator[Hit]:
    state: Known = subject.before.next_file()
    for step in subject.apply.steps:
        for check in _OF_STATEMENT:
            yield from check(subject, step, state)
        state.apply(step)


def _broken(subject: Subject) -> Iterator[Hit]:
    for file, is_rollback in ((subject.apply, False), (subject.rollback, True)):
        for one in file.broken if file else ():
            yield Hit("syntax", one.line, one.message, "correct the statement", is_rollback=is_rollback)


def _refused(subject: Subject) -> Iterator[Hit]:
    """Yield the reason for which migrate would refuse the file before it runs it."""
    try:
        migration_files.check([subject.migration])
    except ChatschemaError as error:
        yield Hit(
            "refused", _line_in(str(error)), f"migrate refuses the file: {error}", error.hint or f"chatschema explain {error.code}"
        )


def _line_in(message: str) -> int:
    """Return the line that an error names; 1 for one about the whole file."""
    words = message.split()
    after = words[words.index("line") + 1] if "line" in words[:-1] else ""
    return int(after.rstrip(":")) if after.rstrip(":").isdigit() else 1
