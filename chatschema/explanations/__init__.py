"""What the codes of errors mean: one TOML file a noun, in which each code has `summary`, `why` and `fix`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of a code: what happened, in one sentence; why; and what to do."""

    code: str
    summary: str
    why: str
    fix: str


@cache
def all_codes() -> dict[str, Explanation]:
    """Return the explanations by code, sorted."""
    found: dict[str, Explanation] = {}
    for file in resources.files("chatschema.explanations").iterdir():
        if file.name.endswith(".toml"):
            for code, texts in _flat(tomllib.loads(file.read_text("utf-8"))).items():
                found[code] = Explanation(code, *(texts[name].strip() for name in ("summary", "why", "fix")))
    return dict(sorted(found.items()))


def _flat(table: dict[str, object], prefix: str = "") -> dict[str, dict[str, str]]:
    """Return the tables that have a summary, by their dotted names."""
    found: dict[str, dict[str, str]] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            code = f"{prefix}{name}"
            if isinstance(value.get("summary"), str):
                found[code] = {key: text for key, text in value.items() if isinstance(text, str)}
            found |= _flat(value, f"{code}.")
    return found
