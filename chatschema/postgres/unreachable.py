"""Error messages for failed connections, found by the text of the error: libpq gives no SQLSTATE for them."""

import re
from dataclasses import dataclass
from typing import Any

from chatschema.redact import redact

# Each entry: a pattern, the code, the message and the hint.
_FATAL: tuple[tuple[str, str, str, str], ...] = (
    (
        r"password authentication failed|no password supplied|authentication failed",
        "connect.password",
        "wrong user or password for {target}",
        "check DATABASE_URL or DB_USER and DB_PASSWORD; special characters in a URL are percent-encoded",
    ),
    (
        r'database "(?P<name>.*)" does not exist',
        "connect.no-database",
        "database {name} does not exist on {target}",
        "create it: createdb {name}, or chatschema reset",
    ),
    (
        r'database "(?P<name>.*)" is not currently accepting connections',
        "connect.closed-database",
        "database {name} on {target} does not accept connections",
        "if a reset was interrupted, finish it: chatschema reset",
    ),
    (
        r'role "(?P<name>.*)" does not exist',
        "connect.no-role",
        "role {name} does not exist on {target}",
        "create it: create role ... login",
    ),
    (
        r"server does not support SSL",
        "connect.tls",
        "{target} does not offer TLS, but the settings require it",
        "unset DB_SSL or sslmode, or enable ssl on the server",
    ),
    (r"certificate|SSL error|sslmode", "connect.tls", "TLS with {target} failed: {text}", "check sslmode and sslrootcert"),
    (
        r"no pg_hba.conf entry",
        "connect.not-allowed",
        "{target} does not allow connections from this host, user and database: {text}",
        "add a line to its pg_hba.conf",
    ),
    (r"invalid (?:integer )?value|invalid \w+ value", "connect.settings", "the connection settings are wrong: {text}", ""),
    (
        r"session is (?:not )?read-only|server is (?:not )?in hot standby",
        "connect.session-attrs",
        "no server in {target} meets target_session_attrs: {text}",
        "check target_session_attrs",
    ),
)

_NOT_RUNNING = "check that it is running, and its host and port; to wait for it: --wait 30"
_WHO = "to see the connections: chatschema report connections, as a superuser"
# Errors that pass when another client disconnects, with the same fields.
_FULL: tuple[tuple[str, str, str, str], ...] = (
    (
        r"remaining connection slots are reserved",
        "connect.full",
        "{target} has no free connection for this role: max_connections is reached, and the last ones are reserved",
        f"wait for one: --wait 30; {_WHO}, or as a member of pg_use_reserved_connections",
    ),
    (
        r"sorry, too many clients already",
        "connect.full",
        "{target} has no free connection: max_connections is reached, including the reserved ones",
        "wait for one: --wait 30; or stop a client; then: chatschema report connections",
    ),
    (
        r'too many connections for (?P<kind>role|database) "(?P<name>.*)"',
        "connect.full",
        "{target} has no free connection for {kind} {name}: its connection limit is reached",
        f"wait for one: --wait 30; {_WHO}; or raise the limit: alter {{kind}} {{name}} connection limit ...",
    ),
    (
        r"no more connections allowed",
        "connect.full",
        "the pooler at {target} has no free connection: max_client_conn is reached",
        "wait for one: --wait 30; or connect to the server itself",
    ),
)

# libpq repeats the target, which the message names already, and asks the same as the hint.
_NOISE = re.compile(
    r"^connection failed: |connection to server (?:at|on) .*? failed: (?:FATAL: )?"
    r"| Is the server running .*?\?| Multiple connection attempts failed.*"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the connection failed. `is_final`: a retry cannot succeed."""

    message: str
    hint: str | None
    is_final: bool
    code: str


def explain(text: str, target: str) -> Refusal:
    """Return the refusal for the text of libpq's error."""
    text = redact(_NOISE.sub("", " ".join(text.split())))
    for entries, is_final in ((_FATAL, True), (_FULL, False)):
        for pattern, code, message, hint in entries:
            if match := re.search(pattern, text):
                words = {"target": target, "text": text, **match.groupdict()}
                return Refusal(message.format(**words), hint.format(**words) or None, is_final, code)
    return Refusal(f"cannot reach {target}: {text}", _NOT_RUNNING, is_final=False, code="connect.unreachable")


def target(parts: dict[str, Any]) -> str:
    """Return the server that connection parameters name."""
    host = (
        parts.get("host")
        or parts.get("hostaddr")
        or (f"service {parts['service']}" if parts.get("service") else "the local server")
    )
    return f"{host}:{parts['port']}" if parts.get("port") and not str(host).startswith("/") else str(host)
