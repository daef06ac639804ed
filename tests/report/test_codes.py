"""Every error of the reports has a code, and every code has an explanation that `chatschema explain` prints."""

import ast

from chatschema import errors, explanations
from tests.support import ROOT
from tests.support.cli import Cli

NOUNS = ("report.", "snapshot.")


def raised() -> dict[str, str | None]:
    """Return the codes given to errors in the code of the reports, by place; None for an error without a code."""
    classes = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.ChatschemaError)}
    found: dict[str, str | None] = {}
    for folder in ("report", "cli/report"):
        for path in (ROOT / "chatschema" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes:
                    given = next((one.value for one in node.keywords if one.arg == "code"), None)
                    code = given.value if isinstance(given, ast.Constant) else None
                    found[f"{path.relative_to(ROOT)}:{node.lineno}"] = str(code) if code else None
    return found


def test_every_error_has_a_code_that_is_explained() -> None:
    codes = raised()
    assert len(codes) > 20
    assert {place for place, code in codes.items() if code is None} == set()
    assert set(codes.values()) - explanations.all_codes().keys() == set()


def test_every_explained_code_of_the_reports_is_used() -> None:
    explained = {code for code in explanations.all_codes() if code.startswith(NOUNS)}
    assert explained == set(raised().values())


def test_a_code_is_printed_and_explained(cli: Cli) -> None:
    result = cli("report", "explain", "nothing")
    assert (result.code, result.err.splitlines()[0]) == (2, "error[report.unknown]: there is no report nothing")
    explained = cli("explain", "report.unknown")
    assert (explained.code, "chatschema report --list" in explained.out) == (0, True)
