"""chatschema explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.explanations import Explanation
    from chatschema.report.definition import Definition


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            help="Code of an error or a finding, for example history.edited or lint.index; a constraint, or an SQLSTATE.",
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List all codes.")] = False,
    json: options.Json = False,
) -> None:
    """Explain an error or a finding: its meaning, its cause and the fix. Needs no server."""
    found = _all()
    if listing or code is None:
        if json:
            codes = [{name: getattr(one, name) for name in ("code", "summary", "why", "fix")} for one in found.values()]
            console.as_json({"codes": codes})
            return
        for one in found.values():
            console.answer(f"{one.code}  {one.summary}" if not console.is_narrow() else one.code)
        return
    # As it is printed: error[history.edited].
    name = code.removeprefix("error[").rstrip("]:")
    # A rule of lint as its findings print it: [index].
    name = f"lint.{name}" if name not in found and f"lint.{name}" in found else name
    if name not in found:
        found |= _raised(name)
    if name not in found:
        from difflib import get_close_matches

        near = get_close_matches(name, found, n=1)
        raise UsageError(
            f"there is no code {code}",
            f"did you mean: chatschema explain {near[0]}" if near else "list them: chatschema explain --list",
            code="usage.unknown-code",
        )
    one = found[name]
    if json:
        console.as_json(_document(one))
        return
    console.answer(f"{one.code}: {one.summary}")
    for title, text in (("Why", one.why), ("Fix", one.fix)):
        console.answer()
        console.answer(f"{title}:")
        console.paragraph(text)
    _print_examples(one)


def _print_examples(one: Explanation) -> None:
    """Print the examples of a rule of lint; nothing for any other code."""
    from chatschema.lint.pages import Page

    if not isinstance(one, Page):
        return
    for title, text in (("Lock", one.lock), ("Bad", one.bad), ("Good", one.good)):
        if text != "none":
            console.answer()
            console.answer(f"{title}:")
            console.answer(text)
    rule = one.code.removeprefix("lint.")
    console.answer()
    console.answer(f"Accept a finding: -- chatschema: ignore {rule} because REASON")


def _document(one: Explanation) -> dict[str, str | None]:
    texts = {name: getattr(one, name) for name in ("code", "summary", "why", "fix")}
    return {**texts, **{name: getattr(one, name, None) for name in ("lock", "bad", "good")}}


def _all() -> dict[str, Explanation]:
    """Return the explanations of errors, of the reports' checks and of the rules of lint, sorted by code."""
    from chatschema import assets, explanations
    from chatschema.lint import pages
    from chatschema.report import definition

    checks = {one.code: one for report in definition.every(assets.sql_dir()) for one in _checks(report)}
    found = {**explanations.all_codes(), **checks, **pages.every()}
    return dict(sorted(found.items()))


def _raised(name: str) -> dict[str, Explanation]:
    """Return the explanation of an error that the database raises, by its constraint or SQLSTATE; empty if there is none."""
    from chatschema import raised
    from chatschema.explanations import Explanation

    errors = raised.find(name)
    if not errors:
        return {}
    if errors[0].sqlstate == name:
        names = sorted({error.name for error in errors if error.name} or {"a required column"})
        listed = f"Raised by {len(names)} constraints, triggers and functions of the schema: {', '.join(names)}."
        return {name: Explanation(name, "The database refused a row or a call.", listed, raised.of_sqlstate(name))}
    causes, actions = (list(dict.fromkeys(texts)) for texts in zip(*((error.cause, error.action) for error in errors), strict=True))
    states = " or ".join(dict.fromkeys(f"{error.sqlstate} on {error.table}" for error in errors))
    summary = f"{states}: {errors[0].message}."
    return {name: Explanation(name, summary, " ".join(causes), " ".join(actions))}


def _checks(report: Definition) -> list[Explanation]:
    from chatschema.explanations import Explanation

    name = report.name
    fix = f"chatschema report {name} shows the findings and their fixes; chatschema report explain {name} its thresholds."
    return [Explanation(f"{name}.{check}", meaning, report.why, fix) for check, meaning in report.checks.items()]
