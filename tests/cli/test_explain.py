"""chatschema explain: every error has a code, and every code an explanation that helps at three in the morning."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatschema import errors
from chatschema.explanations import all_codes
from chatschema.migration.history import CONFLICTS
from chatschema.postgres import refusal
from tests.support import ROOT
from tests.support.cli import Cli

SOURCES = sorted((ROOT / "chatschema").glob("**/*.py"))
CODE = re.compile(r"[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)*")
KINDS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.ChatschemaError)}
# Their codes come with them: MigrationFailed has one code, WouldLose passes its own.
FIXED = {"MigrationFailed", "WouldLose"}


def constructions(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Yield each construction of an error in a file, and the name of its class."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if name in KINDS | FIXED | {"Foreign"}:
            yield node, name  # type: ignore[misc]


def used() -> set[str]:
    """Return the codes that the source can raise."""
    found = {getattr(errors, name).code for name in KINDS} | {"migration.failed"} | {f"history.{state}" for state in CONFLICTS}
    # Chosen from tables: by SQLSTATE, and by what libpq prints.
    found |= {*refusal._CODES.values()}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and str(node.value).startswith("connect."):
                found.add(str(node.value))
            if isinstance(node, ast.keyword) and node.arg == "code":
                branches = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
                found |= {one.value for one in branches if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return {code for code in found if CODE.fullmatch(code)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_error_has_a_code(path: Path) -> None:
    without = [
        f"line {call.lineno}: {name}"
        for call, name in constructions(path)
        if name not in FIXED and not any(keyword.arg == "code" for keyword in call.keywords)
    ]
    assert not without, f"{path.name}: give it a code: {without}"


def test_every_code_is_explained() -> None:
    missing = used() - all_codes().keys()
    assert not missing, f"explain them in chatschema/explanations/: {sorted(missing)}"


@pytest.mark.parametrize("code", all_codes())
def test_an_explanation_has_its_three_parts(code: str) -> None:
    one = all_codes()[code]
    assert CODE.fullmatch(code)
    for text in (one.summary, one.why, one.fix):
        assert text.endswith((".", "`")), text
    assert "\n" not in one.summary
    assert len(re.findall(r"[.!?](?=\s|$)", one.summary)) == 1, "the summary is one sentence"


def test_explain_takes_a_code_as_it_is_printed(cli: Cli) -> None:
    plain = cli("explain", "history.edited")
    assert plain.code == 0
    assert plain.out.startswith("history.edited: The file of an applied migration was changed")
    assert "\nWhy:\n" in plain.out
    assert "\nFix:\n" in plain.out
    assert cli("explain", "error[history.edited]:").out == plain.out
    assert cli("explain", "history.edited", "--json").json() == {
        "code": "history.edited",
        **{name: getattr(all_codes()["history.edited"], name) for name in ("summary", "why", "fix")},
        **dict.fromkeys(("lock", "bad", "good")),
    }


def test_an_unknown_code_names_the_nearest(cli: Cli) -> None:
    result = cli("explain", "history.edit")
    assert result.code == 2
    assert result.err == (
        "error[usage.unknown-code]: there is no code history.edit\nhint:  did you mean: chatschema explain history.edited\n"
    )


def test_the_list_has_errors_and_checks_of_reports(cli: Cli) -> None:
    listed = [code["code"] for code in cli("explain", "--list", "--json").json()["codes"]]
    assert listed == sorted(listed)
    assert all_codes().keys() < set(listed)
    assert any(code.startswith("indexes.") for code in listed)
    assert [line.split()[0] for line in cli("explain", "--list").out.splitlines()] == listed


def test_an_error_shows_its_code_in_text_and_json(cli: Cli) -> None:
    result = cli("undo", "--steps", "1", "--all", "--json")
    assert result.err.startswith("error[usage.options]: --steps, --to and --all cannot be combined\n")
    assert result.json()["error"]["code"] == "usage.options"


def test_a_rule_of_lint_has_its_lock_and_its_examples(cli: Cli) -> None:
    plain = cli("explain", "lint.index").out
    for title in ("Why", "Fix", "Lock", "Bad", "Good"):
        assert f"\n{title}:\n" in plain
    assert "create index idx_messages_key_version" in plain
    assert cli("explain", "index").out == plain
    assert cli("explain", "lint.index", "--json").json()["lock"].startswith("share on public.messages")
