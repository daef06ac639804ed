"""The statements that the application runs, from pg_stat_statements, as far as this role sees them."""

import re
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.cluster.facts import Unseen
from chatschema.errors import ExitCode, ServerError
from chatschema.postgres import Connection

_HIDDEN = "<insufficient privilege>"
# Statements that a standby answers, unless they lock rows or write in a WITH.
_READING = re.compile(r"(\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)
_WRITING = re.compile(
    r"\b(insert\s+into|update\s+\S+\s+(as\s+\S+\s+)?set|delete\s+from|merge\s+into"
    r"|for\s+(no\s+key\s+update|update|key\s+share|share))\b",
    re.IGNORECASE,
)
_ABOUT_ROWS = re.compile(
    r"(\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table|insert|update|delete|merge)\b", re.IGNORECASE | re.DOTALL
)
_OWNER = "select (select c.relowner from pg_catalog.pg_class as c where c.oid = to_regclass('public.messages'))"
_VOLATILE = """
    select p.proname from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where p.provolatile = 'v' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with its constants as parameters: how often it ran, how long in all, and how many rows it returned or wrote.

    `is_of_owner`: only the owner of the tables ran it, as chatschema's own commands are.
    """

    id: str
    text: str
    calls: int
    total_ms: float
    rows: int
    is_of_owner: bool = False

    @property
    def is_about_rows(self) -> bool:
        """Whether it reads or writes rows: not DDL, not SET."""
        return bool(_ABOUT_ROWS.match(self.text))

    def is_read(self, volatile: frozenset[str]) -> bool:
        """Return whether a standby can answer it: it locks and writes nothing, also not by a function."""
        if not _READING.match(self.text) or _WRITING.search(self.text):
            return False
        return not any(word.lower() in volatile for word in re.findall(r"(\w+)\s*\(", self.text))


@dataclass(frozen=True, slots=True)
class Statements:
    """The clients' statements of this database, the most time first, and why there are not more of them."""

    found: tuple[Statement, ...]
    unseen: tuple[Unseen, ...]


def read(connection: Connection) -> Statements:
    """Return the statements; an extension that is missing or a right is told, never raised."""
    where = postgres.fetch_all(
        connection,
        "select n.nspname from pg_catalog.pg_extension as e join pg_catalog.pg_namespace as n on n.oid = e.extnamespace"
        " where e.extname = 'pg_stat_statements'",
    )
    what = "the statements of the application"
    if not where:
        why = "pg_stat_statements is not created in this database"
        return Statements((), (Unseen(what, why, "create extension pg_stat_statements; chatschema report queries says more"),))
    try:
        rows = postgres.fetch_all(
            connection, sqlfile.fill("reports/parts/statements.sql", pg_stat_statements=sql.Identifier(where[0][0]))
        )
    except ServerError as error:
        if error.exit_code == ExitCode.UNREACHABLE:
            raise
        return Statements((), (Unseen(what, error.message, "chatschema report queries says more"),))
    owner = postgres.fetch_one(connection, _OWNER)[0]
    entries = [(row[2], row[3], row[5], row[7], row[6], row[0] == owner) for row in rows if row[4]]
    hidden = [entry for entry in entries if entry[1] is None or entry[1] == _HIDDEN]
    found = _summed([entry for entry in entries if entry not in hidden])
    if not hidden:
        return Statements(found, ())
    role = sql.Identifier(connection.info.user).as_string(None)
    why = f"{len(hidden)} statements of other roles are hidden from this one"
    return Statements(found, (Unseen(what, why, f"grant pg_read_all_stats to {role};"),))


def volatile_functions(connection: Connection) -> frozenset[str]:
    """Return the names of the functions outside the catalog that may write."""
    return frozenset(row[0] for row in postgres.fetch_all(connection, _VOLATILE))


def _summed(entries: list[tuple[int, str, int, float, int, bool]]) -> tuple[Statement, ...]:
    """Return one statement for each id, whichever roles ran it, the most time first."""
    summed: dict[int, Statement] = {}
    for id, text, calls, total_ms, rows, is_of_owner in entries:
        before = summed.get(id, Statement(str(id), text, 0, 0.0, 0, is_of_owner=True))
        is_only_owner = before.is_of_owner and is_of_owner
        summed[id] = Statement(str(id), text, before.calls + calls, before.total_ms + total_ms, before.rows + rows, is_only_owner)
    return tuple(sorted(summed.values(), key=lambda one: (-one.total_ms, one.id)))
