"""Error messages for failed connections, found by the text of the error: libpq gives no SQLSTATE for them."""

import re
from typing import Any

from chatschema.errors import CannotConnect
from chatschema.redact import redact

# (pattern, what to say, hint)
_FATAL: tuple[tuple[str, str, str], ...] = (
    (
        r"password authentication failed|no password supplied|authentication failed",
        "wrong user or password for {target}",
        "check DATABASE_URL or DB_USER and DB_PASSWORD; special characters in a URL are percent-encoded",
    ),
    (
        r'database "(?P<name>.*)" does not exist',
        "database {name} does not exist on {target}",
        "create it: createdb {name}, or chatschema reset",
    ),
    (
        r'database "(?P<name>.*)" is not currently accepting connections',
        "database {name} on {target} is closed",
        "was a reset cut off? finish it: chatschema reset",
    ),
    (r'role "(?P<name>.*)" does not exist', "role {name} does not exist on {target}", "create it: create role ... login"),
    (
        r"server does not support SSL",
        "{target} does not offer TLS, and the settings require it",
        "unset DB_SSL or sslmode, or switch ssl on at the server",
    ),
    (r"certificate|SSL error|sslmode", "TLS with {target} failed: {text}", "check sslmode and sslrootcert"),
    (r"no pg_hba.conf entry", "{target} does not let this host, user and database in: {text}", "add a line to its pg_hba.conf"),
    (r"invalid (?:integer )?value|invalid \w+ value", "the connection settings are wrong: {text}", ""),
    (
        r"session is (?:not )?read-only|server is (?:not )?in hot standby",
        "no server in {target} is of the kind that target_session_attrs asks for: {text}",
        "check target_session_attrs",
    ),
)

# libpq repeats the target, which our own words name already, and asks what our hint asks.
_NOISE = re.compile(
    r"^connection failed: |connection to server (?:at|on) .*? failed: (?:FATAL: )?"
    r"| Is the server running .*?\?| Multiple connection attempts failed.*"
)


def explain(text: str, target: str) -> tuple[CannotConnect | None, str]:
    """Return the error where trying again is of no use, else None; and what libpq says, without what we say ourselves."""
    text = redact(_NOISE.sub("", " ".join(text.split())))
    for pattern, message, hint in _FATAL:
        if match := re.search(pattern, text):
            words = {"target": target, "text": text, **match.groupdict()}
            return CannotConnect(message.format(**words), hint.format(**words) or None), text
    return None, f"cannot reach {target}: {text}"


def target(parts: dict[str, Any]) -> str:
    """Return the server that connection parameters name."""
    host = (
        parts.get("host")
        or parts.get("hostaddr")
        or (f"service {parts['service']}" if parts.get("service") else "the local server")
    )
    return f"{host}:{parts['port']}" if parts.get("port") and not str(host).startswith("/") else str(host)
