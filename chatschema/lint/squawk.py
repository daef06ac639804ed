"""The rules of squawk that chatschema takes over: about types and names in single statements.

Its other rules know neither partitioned tables nor the directives of a migration, or ask for what `migrate` does by itself.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.lint.values import Hit, Rule

PREFIX = "squawk."
_ADOPTED = (
    "ban-char-field", "prefer-timestamp-tz", "prefer-identity", "identifier-too-long", "ban-duplicate-column-assignments",
    "ban-drop-database", "require-enum-value-ordering",
)  # fmt: skip
RULES = {PREFIX + name: Rule(PREFIX + name, "warning") for name in _ADOPTED}
_SERVERS = "15.0"
_TIMEOUT_S = 120


def program() -> str | None:
    """Return the program: that of the same Python, or the one on the PATH; None if it is not installed."""
    beside = Path(sys.executable).parent / "squawk"
    return str(beside) if beside.is_file() else shutil.which("squawk")


def hits(program: str, paths: Sequence[Path]) -> dict[Path, list[Hit]]:
    """Return the hits by file. Raises ChatschemaError if squawk fails."""
    found: dict[Path, list[Hit]] = {}
    for folder in sorted({path.parent for path in paths}):
        names = [path.name for path in paths if path.parent == folder]
        for one in _run(program, folder, names):
            rule = PREFIX + str(one["rule_name"])
            if rule in RULES:
                hit = Hit(rule, int(one["line"]) + 1, str(one["message"]), str(one["help"] or f"chatschema explain {rule}"))
                found.setdefault(folder / Path(str(one["file"])).name, []).append(hit)
    return found


def _run(program: str, folder: Path, names: Sequence[str]) -> list[dict[str, str]]:
    # A configuration file of the folder would turn rules off.
    words = [program, "--reporter", "json", "--assume-in-transaction", "--pg-version", _SERVERS, "--config", "/dev/null", *names]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=_TIMEOUT_S, check=False)
        return list(json.loads(done.stdout or "[]"))
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ChatschemaError(f"squawk failed: {error}", f"run it alone: {program} --version", code="lint.squawk") from None
