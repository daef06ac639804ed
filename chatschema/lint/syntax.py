"""The statements of a file as syntax trees, those inside DO blocks included."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chatschema import nodes
from chatschema.errors import UsageError
from chatschema.migration.batch import header
from chatschema.sqlfile import SqlFile
from chatschema.statements import Statement


@dataclass(frozen=True, slots=True)
class Step:
    """One statement: its kind, its tree, its line in the file and its text; `in_code`: inside a DO block."""

    kind: str
    node: Any
    line: int
    text: str
    in_code: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """A statement that PostgreSQL's parser refuses."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """The statements of a file in order, those that cannot be parsed, and whether a DO block builds statements from text."""

    steps: tuple[Step, ...]
    broken: tuple[Broken, ...] = ()
    is_dynamic: bool = False


def require_parser() -> None:
    """Raise UsageError without postgast."""
    try:
        import postgast  # noqa: F401
    except ImportError:
        text = "lint needs PostgreSQL's parser, postgast, which is not installed"
        raise UsageError(text, "pip install 'chatschema[lint]'", code="lint.not-installed") from None


def parse(file: SqlFile) -> Parsed:
    """Return the statements of a file; {batch} is read as a condition."""
    whole = header.Whole(file) if _is_batch(file) else file
    steps: list[Step] = []
    broken: list[Broken] = []
    is_dynamic = False
    for statement in whole.statements:
        for one in _parsed(statement):
            if isinstance(one, Broken):
                broken.append(one)
                continue
            steps.append(one)
            if one.kind == "do_stmt":
                inside, dynamic = _of_block(one)
                is_dynamic = is_dynamic or dynamic
                steps.extend(inside)
    return Parsed(tuple(steps), tuple(broken), is_dynamic)


def _is_batch(file: SqlFile) -> bool:
    return header.of(file) is not None and len(file.statements) == 1


def _parsed(statement: Statement) -> Iterator[Step | Broken]:
    import postgast

    try:
        tree = postgast.parse(statement.text)
    except postgast.PgQueryError as error:
        before = statement.text[: max(error.cursorpos - 1, 0)]
        yield Broken(statement.line + before.count("\n"), str(error.message))
        return
    for raw in tree.stmts:
        yield Step(nodes.kind_of(raw.stmt), nodes.inner(raw.stmt), statement.line, statement.text)


def _of_block(step: Step) -> tuple[list[Step], bool]:
    """Return the statements of a DO block in PL/pgSQL, and whether it executes texts that it builds."""
    import postgast

    try:
        block = postgast.parse_plpgsql(step.text)
    except postgast.PgQueryError:
        return [], True
    steps, is_dynamic = [], False
    body_line = _line_of_body(step)
    for kind, value in _plpgsql(block):
        if kind == "PLpgSQL_stmt_dynexecute":
            is_dynamic = True
        elif kind == "PLpgSQL_stmt_execsql":
            query = value.get("sqlstmt", {}).get("PLpgSQL_expr", {}).get("query", "")
            line = step.line + body_line + value.get("lineno", 1) - 1
            found = _parsed(Statement(query, line, 0))
            steps += [Step(one.kind, one.node, line, query, in_code=True) for one in found if isinstance(one, Step)]
    return steps, is_dynamic


def _line_of_body(step: Step) -> int:
    """Return on which line of the statement, from 0, the body of a DO block begins."""
    for kind, value in nodes.walk(step.node):
        if kind == "def_elem" and value.defname == "as":
            place = step.text.find(value.arg.string.sval)
            return step.text.count("\n", 0, max(place, 0))
    return 0


def _plpgsql(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key, inside
            yield from _plpgsql(inside)
    elif isinstance(value, list):
        for one in value:
            yield from _plpgsql(one)
