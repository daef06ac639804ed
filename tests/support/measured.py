"""How well a linter does on the labelled cases: precision and recall, and the same for squawk alone."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.support.labelled import Case, written

# What a finding of each rule claims, in the words of the labels.
CLAIMS = {
    "fails": "syntax refused concurrently partition-key index-only required-column enum-value newer-syntax foreign-key"
    " squawk.identifier-too-long squawk.ban-duplicate-column-assignments",
    "waits": "index drop-index reindex check foreign-key foreign-key-months validate unique not-null column-default column-type"
    " rewrite refresh attach detach default-partition lock-table several-tables",
    "rows": "no-where backfill ddl-and-rows truncate refused squawk.ban-drop-database",
    "breaks": "drop rename cascade no-policy",
    "unsafe": "search-path grant-public turned-off password superuser no-row-security",
    "undo": "no-rollback rollback-drops cascade refused",
    "document": "header comment index-query unnamed",
    "type": "json small-key squawk.ban-char-field squawk.prefer-timestamp-tz squawk.prefer-identity"
    " squawk.require-enum-value-ordering",
}
# squawk's rules that ask for what migrate does by itself: a lock timeout, a transaction around the file.
NEEDLESS = {"require-lock-timeout", "require-statement-timeout", "prefer-robust-stmts"}


def claims(rules: Iterable[str]) -> set[str]:
    """Return what findings of these rules claim."""
    return {label for rule in rules for label, names in CLAIMS.items() if rule in names.split()}


@dataclass
class Score:
    """Cases by whether something was found and whether it should have been."""

    right: int = 0
    false: int = 0
    missed: int = 0
    silent: int = 0

    def add(self, case: Case, *, is_found: bool) -> None:
        if case.label == "ok":
            self.false, self.silent = self.false + is_found, self.silent + (not is_found)
        else:
            self.right, self.missed = self.right + is_found, self.missed + (not is_found)

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.false, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + self.missed, 1)

    def __str__(self) -> str:
        counts = f"{self.right} found, {self.missed} missed, {self.false} false, {self.silent} silent"
        return f"precision {self.precision:.1%}, recall {self.recall:.1%} ({counts})"


def squawk(program: str, folder: Path, cases: list[Case]) -> dict[int, set[str]]:
    """Return the rules that squawk alone, with its own defaults, reports for each case; it reads the files that chatschema reads."""
    names: dict[bool, list[str]] = {True: [], False: []}
    for number, case in enumerate(cases):
        migration = written(folder, case.text, with_header=not case.is_about_documents, id=f"2099010100{number:04}_case")
        names[migration.apply.is_transactional].append(migration.apply.path.name)
    found: dict[int, set[str]] = {}
    for is_transactional, files in names.items():
        wrap = ["--assume-in-transaction"] if is_transactional else []
        words = [program, "--reporter", "json", "--pg-version", "15.0", "--config", "/dev/null", *wrap, *files]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        for one in json.loads(done.stdout):
            found.setdefault(int(Path(one["file"]).name[10:14]), set()).add(one["rule_name"])
    return found
