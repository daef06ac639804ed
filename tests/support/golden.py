"""Golden files: the exact text that a person reads, reviewed as text in a diff. `make golden` writes them anew."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

FOLDER = Path(__file__).parent.parent / "golden"
# What differs from run to run and says nothing: process ids, durations, moments, random names.
_VARYING = (
    (re.compile(r"\bpid \d+"), "pid PID"),
    (re.compile(r"(pg_terminate_backend|pg_cancel_backend)\(\d+\)"), r"\1(PID)"),
    (re.compile(r"\b\d+(?:\.\d+)? ms\b"), "N ms"),
    (re.compile(r"\bsince \d{4}-\d\d-\d\d\b"), "since DATE"),
    (re.compile(r"\bfor \d+ s\b"), "for N s"),
    (
        re.compile(r"^(-- \S+): \d+(\.\d+)? (B|kB|MB), (under )?\d+ rows written/s, (under )?\d+ scans/s", re.MULTILINE),
        r"\1: SIZE, N rows written/s, N scans/s",
    ),
    (re.compile(r"using the embedded PostgreSQL \d+\.\d+"), "using the embedded PostgreSQL VERSION"),
    (re.compile(r"\b\d+ s ago\b"), "N s ago"),
    (re.compile(r"\bchatschema_scratch_[0-9a-f]+"), "chatschema_scratch_NAME"),
    (re.compile(r"/tmp/[^\s,;:)\"']*/"), "/tmp/.../"),
)


class Ran(Protocol):
    """What a command left."""

    @property
    def code(self) -> int: ...
    @property
    def out(self) -> str: ...
    @property
    def err(self) -> str: ...


def check(name: str, result: Ran, names: Mapping[str, str] | None = None) -> None:
    """Compare what a command printed with tests/golden/NAME.txt.

    `names` are texts of this run, such as the database's name, and what stands for them in the file.
    """
    text = f"exit {result.code}\n--- stdout\n{result.out}--- stderr\n{result.err}"
    for found, shown in (names or {}).items():
        text = text.replace(found, shown)
    for pattern, shown in _VARYING:
        text = pattern.sub(shown, text)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("CHATSCHEMA_WRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert path.exists(), f"there is no golden file {path.name}; write it: make golden"
    assert text == path.read_text("utf-8")
