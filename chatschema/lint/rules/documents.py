"""Rules about documents: the header, comments, and the names of constraints."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.errors import UsageError
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name
from chatschema.migration import template
from chatschema.roles import files as roles

_NAMED = ("primary", "unique", "check", "foreign", "exclusion")


def header(subject: Subject) -> Iterator[Hit]:
    """Yield the lines that the header lacks."""
    file = subject.migration.apply
    if ": " not in file.title or file.title.startswith(("Why: ", "Risk: ")):
        yield Hit("header", 1, "the first line does not say what the file changes", "begin with: -- object: sentence.")
    declared = template.declared(f"--\n{file.text}" if file.title.startswith(("Why: ", "Risk: ")) else file.text)
    for entry in template.DECLARATIONS:
        if not subject.is_repeatable and entry.is_needed(subject.migration.id) and entry.name not in declared:
            yield Hit("header", 1, f"the header has no line -- {entry.name}:", f"add: {entry.line(subject.migration.id)}")
    if text := declared.get("Access"):
        try:
            roles.declared(template.table_of(subject.migration.id), text)
        except UsageError as error:
            yield Hit("header", 1, str(error), error.hint or "")
    for number, line in enumerate(file.text.splitlines(), 1):
        if f" {template.UNWRITTEN} " in line and (line.startswith("--") or "comment on" in line.lower()):
            yield Hit("header", number, f"{template.UNWRITTEN} is still to be written", "write it")


def comments(subject: Subject) -> Iterator[Hit]:
    """Yield the objects that the file creates without a comment."""
    said = {_subject(step) for step in subject.apply.steps if step.kind == "comment_stmt" and step.node.comment.strip()}
    for step in subject.apply.steps:
        for kind, name in _created(step):
            if (kind, name) in said:
                continue
            shown = nodes.text(name)
            if kind == "index":
                text = f"index {shown} does not say which query it serves"
                yield Hit("index-query", step.line, text, f"comment on index {shown} is 'the query that it serves'")
            else:
                text = f"{kind} {shown} has no comment"
                yield Hit("comment", step.line, text, f"comment on {kind} {shown} is '...'")


def _subject(step: Step) -> tuple[str, Name]:
    kind, names = nodes.object_kind(step.node.objtype), nodes.listed(step.node.object)
    kind = {"matview": "materialized view", "procedure": "function", "routine": "function"}.get(kind, kind)
    if kind == "column":
        table = ".".join(names[:-1]) if len(names) > 2 else f"public.{names[0]}"
        return kind, (table, names[-1])
    return kind, nodes.object_name(step.node.object)


def _created(step: Step) -> Iterator[tuple[str, Name]]:
    """Yield the objects of a statement that need a comment; none for temporary tables and partitions."""
    node = step.node
    if step.kind == "create_stmt" and node.relation.relpersistence != "t" and not node.HasField("partbound"):
        table = nodes.relation(node.relation)
        yield "table", table
        columns = [one.column_def.colname for one in node.table_elts if nodes.kind_of(one) == "column_def"]
        yield from (("column", (nodes.text(table), column)) for column in columns)
    elif step.kind == "alter_table_stmt":
        table = nodes.relation(node.relation)
        for one in node.cmds:
            if nodes.action(one.alter_table_cmd) == "AddColumn":
                yield "column", (nodes.text(table), getattr(one.alter_table_cmd, "def").column_def.colname)
    elif step.kind == "create_function_stmt" and not node.replace:
        yield "function", nodes.qualified(node.funcname)
    elif step.kind == "view_stmt" and not node.replace:
        yield "view", nodes.relation(node.view)
    elif step.kind == "index_stmt" and node.idxname and node.relation.relpersistence != "t":
        yield "index", (nodes.relation(node.relation)[0], node.idxname)


def unnamed(subject: Subject) -> Iterator[Hit]:
    """Yield the constraints and indexes whose name the server would choose."""
    for step in subject.apply.steps:
        for constraint in _constraints(step):
            kind = nodes.constraint_kind(constraint)
            if kind in _NAMED and not constraint.conname:
                word = {"primary": "primary key", "foreign": "foreign key"}.get(kind, kind)
                text = f"the {word} has no name, so the server chooses one that later files must guess"
                yield Hit("unnamed", step.line, text, "name it: constraint TABLE_SUBJECT_... ")
        if step.kind == "index_stmt" and not step.node.idxname and step.node.relation.relpersistence != "t":
            yield Hit("unnamed", step.line, "the index has no name", "name it: create index NAME on ...")


def _constraints(step: Step) -> Iterator[Any]:
    if step.kind == "create_stmt" and step.node.relation.relpersistence != "t":
        yield from nodes.constraints(step.node.table_elts)
        for one in step.node.table_elts:
            if nodes.kind_of(one) == "column_def":
                yield from nodes.constraints(one.column_def.constraints)
    elif step.kind == "alter_table_stmt":
        for one in step.node.cmds:
            definition = getattr(one.alter_table_cmd, "def")
            kind = nodes.kind_of(definition)
            if kind == "constraint":
                yield definition.constraint
            elif kind == "column_def":
                yield from nodes.constraints(definition.column_def.constraints)
