"""Search what a server keeps for texts that it must not have, in each form in which they could be there."""

import base64
import json
import re
import socket
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any, Self

_HEX = re.compile(rb"\\\\?x((?:[0-9a-f]{2})+)")


def forms(secret: str) -> set[bytes]:
    """Return how a secret looks as text, in JSON, in a URL, and as hex or Base64, also inside of something longer."""
    raw = secret.encode()
    found = {raw, secret.encode("utf-16-le"), json.dumps(secret)[1:-1].encode(), urllib.parse.quote(secret).encode()}
    found |= {raw.hex().encode(), raw.hex().upper().encode()}
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw)
        # The first and the last letters also depend on what stands beside the secret.
        inner = text[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def traces(content: bytes, secrets: Iterable[str]) -> set[str]:
    """Return the secrets that are in the content of a dump, whose bytea values are decoded."""
    decoded = b"\n".join(bytes.fromhex(match.decode()) for match in _HEX.findall(content))
    return {secret for secret in secrets if any(form in content or form in decoded for form in forms(secret))}


def redis_content(port: int, host: str = "127.0.0.1") -> bytes:
    """Return all keys of all databases of a Redis with their values, uncompressed."""
    with Redis(host, port) as redis:
        # A dump compresses longer strings, in which nothing would be found.
        redis.ask("CONFIG", "SET", "rdbcompression", "no")
        parts = []
        for number in re.findall(rb"^db(\d+):", redis.ask("INFO", "keyspace"), re.MULTILINE):
            redis.ask("SELECT", number)
            for key in redis.scan():
                parts += [key, redis.ask("DUMP", key) or b""]
        return b"\n".join(parts)


class Redis:
    """As much of a client as it takes to read everything."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=20)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def scan(self) -> Iterator[bytes]:
        """Yield each key of the chosen database; one may come twice."""
        cursor = b"0"
        while True:
            cursor, page = self.ask("SCAN", cursor, "COUNT", "1000")
            yield from page
            if cursor == b"0":
                return

    def ask(self, *words: str | bytes) -> Any:
        """Send a command and return its answer: bytes, a list, or None."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self._read()

    def _read(self) -> Any:
        line = self._answers.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        assert line[:1] in {b"+", b":", b"$", b"*"}, line
        if kind == b"*":
            return [self._read() for _ in range(int(rest))]
        if kind != b"$":
            return rest
        return None if rest == b"-1" else self._answers.read(int(rest) + 2)[:-2]
