"""Reading the errors of a schema from its catalog: constraints, unique indexes, not-null columns, and the raises of functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection
from chatschema.raised import Raised, cause_of

# The conditions that the functions name, by their SQLSTATE.
SQLSTATES = {
    "check_violation": "23514", "feature_not_supported": "0A000", "foreign_key_violation": "23503",
    "insufficient_privilege": "42501", "integrity_constraint_violation": "23000", "invalid_parameter_value": "22023",
    "null_value_not_allowed": "22004", "restrict_violation": "23001", "serialization_failure": "40001", "unique_violation": "23505",
}  # fmt: skip
_RAISE = re.compile(r"raise exception\s+'((?:[^']|'')*)'(.*?);\s*\n", re.DOTALL)
_OPTION = r"\b{}\s*=\s*(?:'((?:[^']|'')*)'|([\w.]+(?:\([^)]*\))?))"
_TRIGGER = re.compile(r"^Trigger: ")
_MESSAGES = {
    "c": ('new row for relation "{}" violates check constraint "{}"', "23514"),
    "u": ('duplicate key value violates unique constraint "{1}"', "23505"),
    "p": ('duplicate key value violates unique constraint "{1}"', "23505"),
    "f": ('insert or update on table "{}" violates foreign key constraint "{}"', "23503"),
    # From PostgreSQL 18; before, 23503 and without the words "RESTRICT setting of".
    "r": ('update or delete on table "{2}" violates RESTRICT setting of foreign key constraint "{1}" on table "{0}"', "23001"),
    "a": ('update or delete on table "{2}" violates foreign key constraint "{1}" on table "{0}"', "23503"),
    "n": ('null value in column "{1}" of relation "{0}" violates not-null constraint', "23502"),
}


class Unnamed(ValueError):
    """A raise that has no SQLSTATE, or no name by which an application knows it."""


def read(connection: Connection) -> list[Raised]:
    """Return the errors that the tables and functions of `public` and `chatschema` raise, sorted by table, name and SQLSTATE.

    Raises Unnamed for a function whose error has no SQLSTATE or constraint.
    """
    found = [*_declared(connection), *_of_functions(connection)]
    return sorted(set(found), key=lambda error: (error.table, error.name, error.sqlstate, error.message, error.cause))


def _declared(connection: Connection) -> Iterator[Raised]:
    for kind, table, name, cause, referenced in postgres.fetch_all(connection, sqlfile.fill("structure/constraints.sql")):
        template, sqlstate = _MESSAGES[kind]
        message = template.format(table.partition(".")[2], name, referenced)
        yield Raised(sqlstate, "" if kind == "n" else name, table, message, cause_of(name) or (cause or "").partition("\n")[0])


def _of_functions(connection: Connection) -> Iterator[Raised]:
    for function, body, comment, names, tables, comments in postgres.fetch_all(connection, sqlfile.fill("structure/raises.sql")):
        triggers = list(zip(names or [], tables or [], comments or [], strict=True))
        for raised in _RAISE.finditer(body):
            yield from _one(function, raised[1].replace("''", "'"), raised[2], comment, triggers)


def _one(
    function: str, message: str, using: str, comment: str, triggers: Iterable[tuple[str, str, str | None]]
) -> Iterator[Raised]:
    condition, constraint = _option(using, "errcode"), _option(using, "constraint")
    if condition not in SQLSTATES or not constraint:
        raise Unnamed(f"{function}(): the error {message!r} has no known SQLSTATE, or no constraint")
    schema, table = _option(using, "schema"), _option(using, "table")
    if constraint == "broken":
        return  # that of the check, raised again without the row
    if constraint != "tg_name":
        yield Raised(SQLSTATES[condition], constraint, f"{schema}.{table}", message, cause_of(constraint) or comment)
        return
    rule = _TRIGGER.sub("", comment)
    for name, owner, own in triggers:
        # The table that the trigger is on, unless the error names another one.
        named = owner if "tg_" in table or not table else f"{schema}.{table}"
        yield Raised(SQLSTATES[condition], name, named, message, own or rule[:1].upper() + rule[1:])


def _option(using: str, name: str) -> str:
    """Return the value of an option of a raise: a text, or the expression that computes it."""
    found = re.search(_OPTION.format(name), using)
    return (found[1] or found[2]).replace("''", "'") if found else ""
