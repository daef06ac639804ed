"""The pages of the rules: TOML files in which each rule has `summary`, `why`, `fix`, `lock`, `bad` and `good`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from chatschema.explanations import Explanation

PREFIX = "lint."


@dataclass(frozen=True, slots=True)
class Page(Explanation):
    """The page of a rule: a migration that breaks it and one that does the same without, and what others noticed of each.

    `good` may have several files, divided by a line `-- next file`; `-- rollback:` begins the rollback of the file before.
    """

    bad: str
    good: str
    lock: str


def code(rule: str) -> str:
    """Return the code of a rule, as `chatschema explain` takes it."""
    return rule if "." in rule else PREFIX + rule


@cache
def every() -> dict[str, Page]:
    """Return the pages by code, sorted."""
    found: dict[str, Page] = {}
    for file in resources.files("chatschema.lint.pages").iterdir():
        if file.name.endswith(".toml"):
            for rule, texts in tomllib.loads(file.read_text("utf-8")).items():
                found[code(rule)] = Page(
                    code(rule), *(texts[name].strip() for name in ("summary", "why", "fix", "bad", "good", "lock"))
                )
    return dict(sorted(found.items()))
