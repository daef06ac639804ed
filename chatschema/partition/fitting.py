"""Loading rows of an earlier schema into a current month: loaded unchanged, compared, then inserted by a mapping."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.partition import create, grid, mapping
from chatschema.partition.archive import content, manifest
from chatschema.partition.archive.content import Columns
from chatschema.partition.archive.manifest import ArchiveRefused, Table
from chatschema.partition.create import statement
from chatschema.partition.grid import SCHEMA
from chatschema.partition.mapping import Fit
from chatschema.postgres import Connection
from chatschema.values import Month

# Out of range, too long, wrong text; and no cast back.
_LOSES = {"22003", "22001", "22P02", "22008", "22007", "42846"}


@dataclass(frozen=True, slots=True)
class Lost:
    """The values that a mapping left out and that were not null, by table.column."""

    values: dict[str, int] = field(default_factory=dict)


def load_as_it_was(connection: Connection, folder: Path, archived: Table) -> sql.Identifier:
    """Load a table of an archive with its own columns into a temporary one, and compare it; within the caller's transaction.

    Raises ArchiveRefused when it differs from its manifest.
    """
    pieces = manifest.pieces(folder / archived.file.name)
    copy = content.load_apart(connection, f"{archived.table}_of_then", archived.columns, pieces)
    manifest.compare(str(folder / archived.file.name), content.checksum(connection, copy, archived.columns), archived)
    return copy


def insert(connection: Connection, source: sql.Composable, month: Month, plan: Fit, lost: Lost, *, what: str) -> None:
    """Insert the rows of `source` into the month's table by `plan`, and count into `lost` the values that it leaves out.

    Raises ArchiveRefused, with a hint, where a current type would change a value, or a current check fails.
    """
    _refuse_changed_values(connection, source, month.parent, plan, what)
    for name in plan.dropped:
        counted = sql.SQL("select count({}) from {}").format(sql.Identifier(name), source)
        lost.values[f"{month.parent}.{name}"] = postgres.fetch_one(connection, counted)[0]
    refuse_violations(connection, source, month, plan, what=what)
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in plan.values)
    values = sql.SQL(", ").join(plan.values.values())
    table = sql.Identifier(SCHEMA, month.name)
    query = sql.SQL("insert into {} ({}) select {} from {}")
    postgres.execute(connection, query.format(table, columns, values, source))


def _refuse_changed_values(connection: Connection, source: sql.Composable, parent: str, plan: Fit, what: str) -> None:
    for name, (then, now) in plan.changed.items():
        column = sql.Identifier(name)
        query = sql.SQL("select count(*) from {} where ({}::{}::{})::text is distinct from {}::text").format(
            source, column, sql.SQL(now), sql.SQL(then), column,
        )  # fmt: skip
        hint = f"to leave its values out: --map {parent}.{name}=drop; or convert them in a database of the old schema"
        types = f"{what}: the type of {parent}.{name} is {now}, and was {then} in these rows"
        try:
            changed = postgres.fetch_one(connection, query)[0]
        except ServerError as error:
            if error.sqlstate not in _LOSES:
                raise
            raise ArchiveRefused(f"{types}: {error.message}", hint, code="restore.type") from None
        if changed:
            raise ArchiveRefused(f"{types}: {changed} rows would lose a part of their value", hint, code="restore.type")


def refuse_violations(connection: Connection, source: sql.Composable, month: Month, plan: Fit, *, what: str) -> None:
    """Raise ArchiveRefused where rows have null in a column that is not null now, or fail a current check."""
    now = mapping.targets(connection, month.parent)
    for name, value in plan.values.items():
        if now[name].is_required:
            query = sql.SQL("select count(*) from {} where {} is null").format(source, value)
            if rows := postgres.fetch_one(connection, query)[0]:
                raise ArchiveRefused(
                    f"{what}: {month.parent}.{name} must not be null, and is null in {rows} rows",
                    f"to fill them: --map {month.parent}.{name}=value:TEXT",
                    code="restore.not-null",
                )
    problems, ways = [], []
    for name, expression in _checks(connection, month.parent):
        query = sql.SQL("select count(*) from (select {} from {}) as t where not ({})").format(
            _row(connection, month.parent, plan),
            source,
            sql.SQL(expression),
        )
        if rows := postgres.fetch_one(connection, query)[0]:
            problems.append(f"{rows} rows fail the check {name} {expression}")
            ways.append(_except_month(connection, name, expression, month))
    if problems:
        raise ArchiveRefused(
            f"{what} does not fit the current tables: {'; '.join(problems)}",
            f"exclude this month from the check, in a migration: {'; '.join(ways)}",
            code="restore.check",
        )


def _checks(connection: Connection, parent: str) -> list[tuple[str, str]]:
    query = """
        select conname, pg_get_expr(conbin, conrelid) from pg_catalog.pg_constraint
        where conrelid = to_regclass(%s) and contype = 'c' order by conname
    """
    return [(row[0], row[1]) for row in postgres.fetch_all(connection, query, (f"public.{parent}",))]


def _row(connection: Connection, parent: str, plan: Fit) -> sql.Composable:
    """Return the columns of a current row as the check sees them; columns without a source have their default."""
    query = """
        select attname, coalesce(pg_get_expr(adbin, adrelid), 'null') || '::' || format_type(atttypid, atttypmod)
        from pg_catalog.pg_attribute left join pg_catalog.pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped and attgenerated = ''
    """
    found = postgres.fetch_all(connection, query, (f"public.{parent}",))
    return sql.SQL(", ").join(
        sql.SQL("{} as {}").format(plan.values.get(name, sql.SQL(value)), sql.Identifier(name)) for name, value in found
    )


def _except_month(connection: Connection, name: str, expression: str, month: Month) -> str:
    table, check = f"public.{month.parent}", sql.Identifier(name).as_string(connection)
    names = create.names(month)
    bounds = sql.SQL("{key} >= {lower} and {key} < {upper}").format(**{key: names[key] for key in ("key", "lower", "upper")})
    wider = f"check ({expression} or {bounds.as_string(connection)}) not valid"
    validate = f"alter table {table} validate constraint {check}"
    return f"alter table {table} drop constraint {check}, add constraint {check} {wider}; {validate}"


def refit(connection: Connection, month: Month, plan: Fit, lost: Lost) -> None:
    """Rebuild a detached table of an earlier schema with the current one, in the caller's transaction, after its foreign keys."""
    before = f"{month.name}_before"
    old = sql.Identifier(SCHEMA, month.name)
    postgres.execute(connection, sql.SQL("alter table {} rename to {}").format(old, sql.Identifier(before)))
    for file in ("create_table.sql", "add_bounds_check.sql"):
        postgres.execute(connection, statement(file, month))
    source = sql.Identifier(SCHEMA, before)
    insert(connection, source, month, plan, lost, what=month.name)
    postgres.execute(connection, sql.SQL("drop table {}").format(source))
    postgres.execute(connection, sql.SQL("analyze {}").format(old))


def sources(connection: Connection, months: Sequence[Month]) -> dict[str, Columns]:
    """Return the columns of the existing tables of these months, kept rows included, by their parent table."""
    found: dict[str, list[tuple[str, str]]] = {month.parent: [] for month in months}
    for month in months:
        for name in (month.name, grid.kept(month).name):
            found[month.parent] += content.columns(connection, name)
    return dict(found)
