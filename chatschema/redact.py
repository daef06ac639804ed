"""Keeping passwords out of everything that is printed."""

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

_MASK = "****"
_URL_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):([^\s@]*)@")
_KEYWORD_PASSWORD = re.compile(r"(?i)\b(\w*password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s'&]+)")

_secrets: set[str] = set()


def remember(secret: str, public: Iterable[str] = ()) -> None:
    """Never let `secret` through redact() again, in any spelling it has in a URL.

    `public` are words printed on purpose: a password equal to the user's name hides nothing.
    """
    if secret and secret not in public:
        _secrets.update({secret, quote(secret, safe=""), quote_plus(secret), quote(secret)})


def redact(text: str) -> str:
    """Return foreign `text` (of the driver, the server, a traceback) without passwords, wherever they stand in it."""
    for secret in sorted(_secrets, key=len, reverse=True):
        # A short password is a part of too many words; alone or between signs it is still caught.
        pattern = re.escape(secret) if len(secret) >= 4 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, _MASK, text)
    return redact_places(text)


def redact_places(text: str) -> str:
    """Return our own `text` without what stands where a password does: in a URL, after password=.

    Our words are not searched for the secrets themselves: the password "postgres" would take the role's name with it.
    """
    text = _URL_PASSWORD.sub(rf"\1:{_MASK}@", text)
    return _KEYWORD_PASSWORD.sub(rf"\g<1>{_MASK}", text)
