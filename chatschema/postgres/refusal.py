"""Translating an error of the server: which constraint, table and columns refused a row, and never a value of the row.

PostgreSQL prints rows in DETAIL ("Failing row contains (...)", "Key (email)=(...) already exists."), in CONTEXT and, for a
value that cannot be read, in the message. They are addresses and hashes, and the output ends up in the logs of CI systems.
"""

import re
from typing import TYPE_CHECKING, TypeGuard

from chatschema.errors import ServerError
from chatschema.redact import redact

if TYPE_CHECKING:
    import psycopg
    from psycopg.errors import Diagnostic

# Classes of SQLSTATE (appendix A of the manual) in which PostgreSQL writes DETAIL about objects, sessions and resources:
# unsupported, dependents, rights, names, syntax, limits, state, operator's decisions, system and internal errors.
_ABOUT_OBJECTS = frozenset({"08", "0A", "25", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "XX"})
_HINTS = {
    "25006": "the connection is read-only: use the primary and a role that may write",
    "55P03": "another session holds a lock that this statement needs; to see it: chatschema report locks; then try again",
}
# The codes of SQLSTATEs, the longest prefix first: a whole state, or else its class of two characters.
_CODES = {
    "08": "server.lost", "57P01": "server.lost", "57P02": "server.lost", "57P05": "server.lost",
    "22": "server.value", "25006": "server.read-only", "25P02": "server.aborted", "42501": "server.permission",
    "23505": "server.unique", "23503": "server.foreign-key", "23514": "server.check", "23502": "server.not-null",
    "23": "server.constraint", "2BP01": "server.dependents", "0A": "server.unsupported",
    "40P01": "server.deadlock", "40": "server.serialization", "55P03": "lock.timeout", "55006": "server.in-use",
    "42601": "server.syntax", "42P01": "server.undefined", "42703": "server.undefined", "42883": "server.undefined",
    "42704": "server.undefined", "3F000": "server.undefined", "42P07": "server.exists", "42701": "server.exists",
    "42710": "server.exists", "42723": "server.exists", "42P06": "server.exists",
    "53100": "server.disk", "53200": "server.memory", "53": "server.resources",
    "57014": "server.canceled", "58": "server.internal", "XX": "server.internal", "P0": "server.raised",
}  # fmt: skip

# The session is over: admin_shutdown, crash_shutdown, idle_session_timeout, and the connection itself. (message, reason)
_LOST = {
    "57P01": ("the server ended this session", "an administrator ended it (pg_terminate_backend), or the server is shutting down"),
    "57P02": ("the server ended this session", "a process of the server crashed, and the server is recovering"),
    "57P05": ("the server ended this session", "it was idle for too long"),
    "08006": ("the connection to the server was lost", "the server crashed or was restarted, or the network failed"),
}
# A coordinator of Citus that lost one of its nodes names it in the message, or in the CONTEXT of the statement sent there.
_NODE = re.compile(r"connection to the remote node (?:[^@\s]*@)?(\S+:\d+) failed|while executing command on (\S+:\d+)")
_START_NODE = (
    "start it, then run the command again; conversations on the other nodes are served; to look: chatschema cluster status"
)
_LIBPQ = re.compile(r"^consuming input failed: | This probably means the server terminated abnormally.*")

# "Key (email)=(...) already exists.": the columns come before the values, and the problem after them. If the server's messages
# are not in English, only the columns are shown.
_KEY = re.compile(r"^\S+ \((?P<columns>.*?)\)\s?=\s?\(", re.DOTALL)
_KEY_END = re.compile(
    r"\) (?P<end>already exists|is duplicated|conflicts with|is not present in|is (?:still )?referenced from)"
    r"(?: table (?P<table>\"[^\"]*\")| (?:existing )?key \(.*\)=\(.*\))?\.$",
    re.DOTALL,
)
_ENDS = {"conflicts with": "conflicts with the key of another row"}
# In class 22, and where psycopg cannot read a value, the message quotes it; 22P04, the format of a COPY file, quotes columns.
_QUOTED = re.compile(r"['\"„“»«].*['\"“”»«]", re.DOTALL)
# Text that repeats an error of the driver: what follows a label is DETAIL, CONTEXT and the query.
_LABELS = re.compile(r"\n(?:DETAIL|CONTEXT|QUERY):\s.*", re.DOTALL)


def translate(error: "psycopg.Error") -> ServerError:
    """Return the driver's error as a ServerError."""
    diag = error.diag
    position = int(diag.statement_position) if diag.statement_position else None
    state = _sqlstate(error)
    if (state[:2] == "08" or state[:3] == "57P") and (lost := _NODE.search(f"{diag.message_primary or ''}\n{diag.context or ''}")):
        text = f"{lost[1] or lost[2]}, a node of this cluster, does not answer"
        return ServerError(text, _START_NODE, state, position, code="cluster.unreachable")
    if state in _LOST:
        words, why = _LOST[state]
        again = f"{why}; committed changes are kept; run the command again"
        return ServerError(f"{words}: {_LIBPQ.sub('', message(error))}", again, state, position, code=code_of(state))
    hint = _HINTS.get(state, diag.message_hint)
    if state == "42501" and not hint:
        hint = "log in as the owner of the schema, or ask the owner to grant the privilege"
    elif state.startswith("53"):
        hint = hint or "the server has run out of a resource; this step was rolled back"
    return ServerError(message(error), redact(hint) if hint else None, state, position, code=code_of(state))


def code_of(sqlstate: str) -> str:
    """Return the code of an error with this SQLSTATE."""
    return _CODES.get(sqlstate) or _CODES.get(sqlstate[:2], ServerError.code)


def first_loss(error: "psycopg.Error") -> ServerError | None:
    """Return the error that lost the connection, if `error` only reports a closed connection, as in a rollback after it."""
    if "connection is closed" not in str(error):
        return None
    earlier = error.__context__
    while earlier is not None:
        if isinstance(earlier, ServerError):
            return earlier
        if _is_driver(earlier):
            return translate(earlier)
        earlier = earlier.__context__
    return None


def _sqlstate(error: "psycopg.Error") -> str:
    # Without a SQLSTATE it was either the connection or psycopg itself that failed.
    return error.sqlstate or ("08006" if type(error).__name__ == "OperationalError" else "XX000")


def message(error: "psycopg.Error") -> str:
    """Return the server's message, with the part of its DETAIL that has no values of a row."""
    diag, state = error.diag, _sqlstate(error)
    primary = diag.message_primary or " ".join(str(error).split()) or "the connection was lost"
    is_unreadable = error.sqlstate is None and type(error).__name__ == "DataError"
    if is_unreadable or (state.startswith("22") and state != "22P04"):
        primary = _QUOTED.sub('"..."', primary)
    detail = _detail(state, diag)
    return redact(f"{primary} ({detail})" if detail else primary)


def _detail(state: str, diag: "Diagnostic") -> str | None:
    # The DETAIL of a raise in a function can be anything that its author chose.
    if diag.message_detail is None or diag.source_function == "exec_stmt_raise":
        return None
    if state[:2] in _ABOUT_OBJECTS:
        return diag.message_detail
    return _key(diag.message_detail, diag.table_name) if state[:2] == "23" else None


def _key(detail: str, table: str | None) -> str | None:
    """Return which key of which table was refused, and why; None for a DETAIL about a whole row."""
    key = _KEY.search(detail)
    if key is None:
        return None
    end = _KEY_END.search(detail)
    words = _ENDS.get(end["end"], end["end"]) if end else "was refused"
    other = end["table"] if end else None
    if other:
        return f"key ({key['columns']}) {words} table {other}"
    return f"key ({key['columns']}) {words}" + (f' in table "{table}"' if table else "")


def hush(error: BaseException) -> None:
    """Remove the values of rows from `error` and all errors that caused it, before their texts or tracebacks are shown."""
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one not in chain:
            chain.append(one)
            todo += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
    ours = {id(one): message(one) for one in chain if _is_driver(one)}
    withheld = [(str(one), ours[id(one)]) for one in chain if id(one) in ours]
    for one in chain:
        if id(one) in ours:
            one.args = (ours[id(one)],)
        else:
            one.args = tuple(_hushed(argument, withheld) for argument in one.args)


def _is_driver(error: BaseException) -> "TypeGuard[psycopg.Error]":
    return hasattr(error, "diag") and hasattr(error, "sqlstate")


def _hushed(argument: object, withheld: list[tuple[str, str]]) -> object:
    if not isinstance(argument, str):
        return argument
    for text, ours in withheld:
        argument = argument.replace(text, ours)
    return _LABELS.sub("", argument)
