"""Keeping passwords out of everything that is printed."""

import re
from urllib.parse import quote, quote_plus

_MASK = "****"
_URL_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):([^\s@]*)@")
_KEYWORD_PASSWORD = re.compile(r"(?i)\b((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s'&]+)")

_secrets: set[str] = set()


def remember(secret: str) -> None:
    """Never print `secret` again, in any spelling it has in a URL."""
    if secret:
        _secrets.update({secret, quote(secret, safe=""), quote_plus(secret), quote(secret)})


def redact(text: str) -> str:
    """Return `text` without the remembered secrets and without anything that looks like a password."""
    for secret in sorted(_secrets, key=len, reverse=True):
        # A short password is a part of too many words; alone or between signs it is still caught.
        pattern = re.escape(secret) if len(secret) >= 4 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, _MASK, text)
    text = _URL_PASSWORD.sub(rf"\1:{_MASK}@", text)
    return _KEYWORD_PASSWORD.sub(rf"\g<1>{_MASK}", text)
