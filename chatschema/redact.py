"""Removes passwords from everything that is printed."""

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

_MASK = "****"
_URL_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):([^\s@]*)@")
_KEYWORD_PASSWORD = re.compile(r"(?i)\b(\w*password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s'&]+)")

_secrets: set[str] = set()


def remember(secret: str, public: Iterable[str] = ()) -> None:
    """Have redact() mask `secret`, in any spelling that it has in a URL.

    `public` are words that are printed on purpose: a password equal to the user's name is not masked.
    """
    if secret and secret not in public:
        _secrets.update({secret, quote(secret, safe=""), quote_plus(secret), quote(secret)})


def redact(text: str) -> str:
    """Return foreign `text` (of the driver, the server, a traceback) without passwords, wherever they occur."""
    for secret in sorted(_secrets, key=len, reverse=True):
        # A short password occurs in too many words; alone or between punctuation it is still masked.
        pattern = re.escape(secret) if len(secret) >= 4 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, _MASK, text)
    return redact_places(text)


def redact_places(text: str) -> str:
    """Return chatschema's own `text` with masks in the places of passwords: in a URL, and after password=.

    It is not searched for the secrets themselves: the password "postgres" would mask the name of the role too.
    """
    text = _URL_PASSWORD.sub(rf"\1:{_MASK}@", text)
    return _KEYWORD_PASSWORD.sub(rf"\g<1>{_MASK}", text)
