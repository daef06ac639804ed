"""Texts of queries without their literals: a password in a statement must not get into a file."""

import re

_PIECE = re.compile(
    r"""
      (?P<kept> --[^\n]* | /\*.*?(?:\*/|\Z) | "(?:[^"]|"")*(?:"|\Z) | \$\d+ )
    | (?P<literal> [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | (?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|\Z)
        | \$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?)\$ (?:.*?) (?:\$(?P=tag)\$|\Z) )
    """,
    re.VERBOSE | re.DOTALL,
)
# What may stand before the first word of a statement. A comment ends at its first */, or it could hide another statement.
_BEFORE = r"(?:\s|\(|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*"
# The beginning of a statement that has a plan.
PLANNED = re.compile(_BEFORE + r"(?:select|insert|update|delete|merge|with|values|table)\b", re.IGNORECASE)


def without(text: str) -> str:
    """Return the query without its literals.

    pg_stat_statements replaces those of planned queries by $1, except in a few that it removed while they ran: they become '?'.
    Utility statements may contain a password in any form: nothing from their first literal on is kept.
    """
    if PLANNED.match(text):
        return _PIECE.sub(lambda piece: "'?'" if piece["literal"] else piece[0], text)
    first = next((piece for piece in _PIECE.finditer(text) if piece["literal"]), None)
    return text[: first.start()] + "'?'…" if first else text


_COMMENT = re.compile(
    r"""(?P<kept> "(?:[^"]|"")*" | '(?:[^']|'')*' ) | --[^\n]*(?:\n|\Z) | /\*.*?(?:\*/|\Z)""", re.VERBOSE | re.DOTALL
)


def bare(text: str) -> str:
    """Return the query as the server compares it with others: without comments, and with single blanks between its words."""
    return " ".join(_COMMENT.sub(lambda piece: piece["kept"] or " ", text).split())


_STATEMENT = re.compile(
    _BEFORE
    + r"(?:alter|call|comment|copy|create|declare|do|drop|execute|explain|grant|import|notify|prepare|revoke|security|set)\b",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"\bpassword\b|\b(?:create|alter)\s+(?:role|user|group|server|subscription|foreign)\b|\bconnection\s+'", re.IGNORECASE
)


def redacted(text: str) -> str:
    """Return a query, or a message that may quote one, without secrets.

    A query loses its literals as by without(). Other texts are unchanged, up to the first literal of a statement in them that
    may contain a password.
    """
    if PLANNED.match(text) or _STATEMENT.match(text):
        return without(text)
    secret = _SECRET.search(text)
    if secret is None:
        return text
    first = next((piece for piece in _PIECE.finditer(text, secret.start()) if piece["literal"]), None)
    return text[: first.start()] + "'?'…" if first else text
