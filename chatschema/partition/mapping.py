"""Mapping the columns of an earlier schema: unchanged columns are kept, and --map rules decide about the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from psycopg import sql

from chatschema import postgres
from chatschema.errors import UsageError
from chatschema.partition.archive.content import Columns
from chatschema.partition.archive.manifest import ArchiveRefused
from chatschema.postgres import Connection

_FORMS = "write OLD=NEW, OLD=drop, NEW=default or NEW=value:TEXT; write TABLE.COLUMN for a column that both tables have"


@dataclass(frozen=True, slots=True)
class Rule:
    """One --map: an old or a current column, with its table where one was given, and how it is mapped."""

    text: str
    table: str | None
    column: str
    kind: Literal["rename", "drop", "default", "value"]
    to: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """How rows of an earlier schema become rows of a table: `values` are expressions by current column.

    `changed`: columns with another type, by their old names, with both types. `dropped`: columns whose values are lost.
    """

    values: dict[str, sql.Composable]
    changed: dict[str, tuple[str, str]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    is_same: bool = True


@dataclass(frozen=True, slots=True)
class _Target:
    kind: str
    is_required: bool
    has_default: bool


def parse(texts: Sequence[str]) -> list[Rule]:
    """Return the rules of the values of --map. Raises UsageError."""
    return [_parse(text) for text in texts]


def _parse(text: str) -> Rule:
    left, separator, right = text.partition("=")
    table, _, column = left.strip().rpartition(".")
    if not separator or not column or not right.strip() or table not in ("", "messages", "message_statuses"):
        raise UsageError(f"--map {text} is not a valid rule", _FORMS, code="restore.map-syntax")
    if right.startswith("value:"):
        return Rule(text, table or None, column, "value", right.removeprefix("value:"))
    right = right.strip()
    if right in ("drop", "default"):
        return Rule(text, table or None, column, "drop" if right == "drop" else "default")
    return Rule(text, table or None, column, "rename", right.rpartition(".")[2])


def unused(rules: Sequence[Rule], sources: dict[str, Columns], connection: Connection) -> list[Rule]:
    """Return the rules that name no column. Raises UsageError for one that names a column of both tables."""
    left = []
    for rule in rules:
        found = [
            table for table, columns in sources.items() if rule.table in (None, table) and _names(connection, rule, table, columns)
        ]
        if len(found) > 1:
            text, hint = f"--map {rule.text}: both tables have {rule.column}", f"name the table: --map {found[0]}.{rule.text}"
            raise UsageError(text, hint, code="restore.map-ambiguous")
        if not found:
            left.append(rule)
    return left


def _names(connection: Connection, rule: Rule, table: str, columns: Columns) -> bool:
    """Return whether the rule names an old column, or gives a current one a value."""
    return rule.column in (dict(columns) if rule.kind in ("rename", "drop") else targets(connection, table))


def targets(connection: Connection, parent: str) -> dict[str, _Target]:
    """Return the current columns of `parent`, in order, without generated ones."""
    query = """
        select attname, format_type(atttypid, atttypmod), attnotnull, atthasdef or attidentity <> '' from pg_catalog.pg_attribute
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
    """
    rows = postgres.fetch_all(connection, query, (f"public.{parent}",))
    return {name: _Target(kind, is_required, has_default) for name, kind, is_required, has_default in rows}


def fit(connection: Connection, parent: str, what: str, columns: Columns, rules: Sequence[Rule]) -> Fit:
    """Return how rows with these columns become rows of `parent`. Raises ArchiveRefused, with the --map that is needed.

    `what` names the source of the rows, for people.
    """
    now, own = targets(connection, parent), [rule for rule in rules if rule.table in (None, parent)]
    result, problems, hints = Fit({}), list[str](), list[str]()
    for name, kind in columns:
        target = _target_of(name, own)
        if target is None:
            result.dropped.append(name)
        elif target not in now:
            problems.append(f"{parent}.{name} ({kind}) no longer exists")
            renamed = [new for new, one in now.items() if new not in dict(columns) and one.kind == kind]
            ways = [f"--map {parent}.{name}={new}" for new in renamed[:3]]
            hints.append(" or ".join([*ways, f"--map {parent}.{name}=drop (its values are lost)"]))
        elif now[target].kind != kind and not _is_assignable(connection, kind, now[target].kind):
            problems.append(f"the type of {parent}.{name} is {now[target].kind}, and {kind} cannot be converted to it")
            hints.append(f"--map {parent}.{name}=drop (its values are lost)")
        else:
            if now[target].kind != kind:
                result.changed[name] = (kind, now[target].kind)
            result.values[target] = _value(name, now[target].kind, kind, own, target)
    for name, column in now.items():
        rule = next((rule for rule in own if rule.kind == "value" and rule.column == name), None)
        if name not in result.values and rule is not None:
            result.values[name] = _literal(rule.to, column.kind)
        elif name not in result.values and column.is_required and not column.has_default:
            problems.append(f"{parent}.{name} ({column.kind}) is new, not null, and has no default")
            hints.append(f"--map {parent}.{name}=value:TEXT")
    if problems:
        text = f"{what} does not fit the current tables: {'; '.join(problems)}"
        raise ArchiveRefused(text, f"add: {'; and '.join(hints)}", code="restore.columns")
    plain = all(one == sql.Identifier(name) for name, one in result.values.items())
    return Fit(result.values, result.changed, result.dropped, plain and not result.dropped and len(result.values) == len(columns))


def dropped(parent: str, columns: Columns, rules: Sequence[Rule]) -> list[str]:
    """Return which of these columns of `parent` the rules drop."""
    own = [rule for rule in rules if rule.table in (None, parent)]
    return [name for name, _ in columns if _target_of(name, own) is None]


def _target_of(name: str, rules: Sequence[Rule]) -> str | None:
    """Return the current column for the old column `name`; None for one that is dropped."""
    for rule in rules:
        if rule.column == name and rule.kind in ("rename", "drop"):
            return rule.to if rule.kind == "rename" else None
    return name


def _value(name: str, now: str, then: str, rules: Sequence[Rule], target: str) -> sql.Composable:
    value: sql.Composable = sql.Identifier(name)
    if now != then:
        value = sql.SQL("{}::{}").format(value, sql.SQL(now))  # the server's own name of a type
    filled = next((rule for rule in rules if rule.kind == "value" and rule.column == target), None)
    return value if filled is None else sql.SQL("coalesce({}, {})").format(value, _literal(filled.to, now))


def _literal(text: str, kind: str) -> sql.Composable:
    return sql.SQL("{}::{}").format(sql.Literal(text), sql.SQL(kind))


def _is_assignable(connection: Connection, then: str, now: str) -> bool:
    """Return whether the server can assign one type to the other; whether this loses values depends on the rows."""
    query = """
        select coalesce(o.base = n.base or n.typcategory = 'S' or exists (
            select from pg_catalog.pg_cast where castsource = o.base and casttarget = n.base and castcontext in ('i', 'a')
        ), false)
        from (select coalesce(nullif(typbasetype, 0), oid) as base from pg_catalog.pg_type where oid = to_regtype(%s)) as o
        full join (
            select coalesce(nullif(typbasetype, 0), oid) as base, typcategory from pg_catalog.pg_type where oid = to_regtype(%s)
        ) as n on true
    """
    return bool(postgres.fetch_one(connection, query, (then, now))[0])
