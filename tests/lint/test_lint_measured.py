"""Precision and recall of lint on the migrations that were labelled by hand, beside squawk alone."""

from pathlib import Path

from chatschema.lint import squawk, subject
from tests.support import measured
from tests.support.labelled import cases, findings, known, written
from tests.support.measured import Score

AIM = 0.95


def test_lint_finds_what_a_person_would_and_is_silent_otherwise(tmp_path: Path) -> None:
    program = squawk.program()
    assert program, "squawk is not installed: pip install -e '.[dev]'"
    whole, own = Score(), Score()
    mistakes, wrong_reason = [], []
    rules_of = reported(tmp_path, program)
    for number, case in enumerate(cases()):
        rules = rules_of.get(number, set())
        whole.add(case, is_found=bool(rules))
        own.add(case, is_found=any(not rule.startswith(squawk.PREFIX) for rule in rules))
        if bool(rules) != (case.label != "ok"):
            mistakes.append(f"{case.file}: {case.label} {case.words}: {sorted(rules)}")
        elif rules and case.label not in measured.claims(rules):
            wrong_reason.append(f"{case.file}: {case.label} {case.words}: {sorted(rules)}")
    print(f"\nchatschema lint: {whole}\nwithout squawk:  {own}")
    assert len(cases()) > 200
    assert whole.precision >= AIM, mistakes
    assert whole.recall >= AIM, mistakes
    assert own.recall >= AIM, mistakes
    assert wrong_reason == []


def reported(folder: Path, program: str) -> dict[int, set[str]]:
    """Return the rules that lint reports for each case, by its number."""
    found: dict[int, set[str]] = {}
    for is_about_documents in (False, True):
        subjects = [
            subject.read(written(folder, case.text, with_header=not is_about_documents, id=f"2099010100{number:04}_case"), known())
            for number, case in enumerate(cases())
            if case.is_about_documents == is_about_documents
        ]
        for one in findings(subjects, program, about_documents=is_about_documents):
            found.setdefault(int(one.file.name[10:14]), set()).add(one.rule)
    return found


def test_squawk_alone_on_the_same_migrations(tmp_path: Path) -> None:
    program = squawk.program()
    assert program, "squawk is not installed: pip install -e '.[dev]'"
    # Nobody would blame squawk for headers and comments, which it does not know.
    judged = [case for case in cases() if not case.is_about_documents]
    found = measured.squawk(program, tmp_path, judged)
    default, tuned = Score(), Score()
    for number, case in enumerate(judged):
        rules = found.get(number, set())
        default.add(case, is_found=bool(rules))
        tuned.add(case, is_found=bool(rules - measured.NEEDLESS))
    print(f"\nsquawk, as it is installed: {default}\nsquawk, without timeouts and robust statements: {tuned}")
    assert default.right + default.missed + default.false + default.silent == len(judged)
    assert tuned.right > 0
