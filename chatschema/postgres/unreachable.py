"""Error messages for failed connections, found by the text of the error: libpq gives no SQLSTATE for them."""

import re
from dataclasses import dataclass
from typing import Any

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

_NOT_RUNNING = "is it running? check the host and port, or give it time: --wait 30"
_WHO = "who has them: chatschema report connections, as a superuser"
# What passes when somebody else disconnects: (pattern, what to say, hint)
_FULL: tuple[tuple[str, str, str], ...] = (
    (
        r"remaining connection slots are reserved",
        "{target} has no connection left for this role: max_connections is reached, and the last ones are reserved",
        f"wait for one: --wait 30; {_WHO}, or as a member of pg_use_reserved_connections",
    ),
    (
        r"sorry, too many clients already",
        "{target} has no connection left: max_connections is reached, the reserved ones included",
        "wait for one: --wait 30; or stop a client; then: chatschema report connections",
    ),
    (
        r'too many connections for (?P<kind>role|database) "(?P<name>.*)"',
        "{target} has no connection left for {kind} {name}: its connection limit is reached",
        f"wait for one: --wait 30; {_WHO}; or raise it: alter {{kind}} {{name}} connection limit ...",
    ),
    (
        r"no more connections allowed",
        "the pooler at {target} has no connection left: max_client_conn is reached",
        "wait for one: --wait 30; or connect to the server itself",
    ),
)

# libpq repeats the target, which our own words name already, and asks what our hint asks.
_NOISE = re.compile(
    r"^connection failed: |connection to server (?:at|on) .*? failed: (?:FATAL: )?"
    r"| Is the server running .*?\?| Multiple connection attempts failed.*"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no connection, in our words. `is_final`: trying again is of no use."""

    message: str
    hint: str | None
    is_final: bool


def explain(text: str, target: str) -> Refusal:
    """Return what the text of libpq's error means."""
    text = redact(_NOISE.sub("", " ".join(text.split())))
    for entries, is_final in ((_FATAL, True), (_FULL, False)):
        for pattern, message, hint in entries:
            if match := re.search(pattern, text):
                words = {"target": target, "text": text, **match.groupdict()}
                return Refusal(message.format(**words), hint.format(**words) or None, is_final)
    return Refusal(f"cannot reach {target}: {text}", _NOT_RUNNING, is_final=False)


def target(parts: dict[str, Any]) -> str:
    """Return the server that connection parameters name."""
    host = (
        parts.get("host")
        or parts.get("hostaddr")
        or (f"service {parts['service']}" if parts.get("service") else "the local server")
    )
    return f"{host}:{parts['port']}" if parts.get("port") and not str(host).startswith("/") else str(host)
