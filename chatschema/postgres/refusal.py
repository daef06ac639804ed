"""An error of the server in our words: which constraint, table and columns refused a row, never a value of the row.

PostgreSQL prints rows in DETAIL ("Failing row contains (...)", "Key (email)=(...) already exists."), in CONTEXT and, for a
value that cannot be read, in the message. They are addresses and hashes, and our output ends up in the logs of CI systems.
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
    "55P03": "somebody holds a lock that this needs; see who: chatschema report locks; then try again",
}

# The session is over: admin_shutdown, crash_shutdown, idle_session_timeout, and the connection itself. (what to say, why)
_LOST = {
    "57P01": ("the server ended this session", "an administrator ended it (pg_terminate_backend), or the server is shutting down"),
    "57P02": ("the server ended this session", "a process of the server crashed, and the server is recovering"),
    "57P05": ("the server ended this session", "it was idle for too long"),
    "08006": ("the connection to the server was lost", "the server crashed or was restarted, or the network failed"),
}
_LIBPQ = re.compile(r"^consuming input failed: | This probably means the server terminated abnormally.*")

# "Key (email)=(...) already exists.": the columns stand before the values, and what is wrong with the key after them. Of a
# server that speaks another language than English the columns are shown at most.
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
    """Return the error in our words."""
    diag = error.diag
    position = int(diag.statement_position) if diag.statement_position else None
    state = _sqlstate(error)
    if state in _LOST:
        words, why = _LOST[state]
        again = f"{why}; what was committed stays; run the command again"
        return ServerError(f"{words}: {_LIBPQ.sub('', message(error))}", again, state, position)
    hint = _HINTS.get(state, diag.message_hint)
    if state == "42501" and not hint:
        hint = "log in as the owner of the schema, or have it granted"
    elif state.startswith("53"):
        hint = hint or "the server has run out of room; nothing of this step was kept"
    return ServerError(message(error), redact(hint) if hint else None, state, position)


def first_loss(error: "psycopg.Error") -> ServerError | None:
    """Return the error that lost the connection, where `error` only says that it is closed: a rollback or clean-up met that."""
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
    """Return what the server says, with the part of its DETAIL that is not about the values of a row."""
    diag, state = error.diag, _sqlstate(error)
    primary = diag.message_primary or " ".join(str(error).split()) or "the connection was lost"
    is_unreadable = error.sqlstate is None and type(error).__name__ == "DataError"
    if is_unreadable or (state.startswith("22") and state != "22P04"):
        primary = _QUOTED.sub('"..."', primary)
    detail = _detail(state, diag)
    return redact(f"{primary} ({detail})" if detail else primary)


def _detail(state: str, diag: "Diagnostic") -> str | None:
    # The DETAIL of a raise in a function is whatever its author has put there.
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
    """Take the values of rows out of `error` and of all errors that led to it, before their texts or tracebacks are shown."""
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
