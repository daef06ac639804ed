"""Objects that pending migrations create and the database already has, found before the first file is run.

A file that PostgreSQL would run is never refused: an object that an earlier statement may have dropped is left to PostgreSQL.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.postgres import Connection

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
# `or replace`, `if not exists` and `temp` do not match: they accept an existing object.
_CREATE = re.compile(
    rf"""(?isx) \s* create \s+ (?:
        (?:unlogged\s+|foreign\s+)? (?P<relation>table|view|materialized\s+view|sequence)
        | (?P<type>type|domain) | (?P<schema>schema) | (?P<function>function|procedure|aggregate)
    ) \s+ (?! if\s+not\s+exists\b | authorization\b ) (?: (?P<qualifier>{_NAME}) \s*\.\s* )? (?P<name>{_NAME})"""
)
_CREATE_INDEX = re.compile(
    rf"""(?isx) \s* create \s+ (?:unique\s+)? index \s+ (?:concurrently\s+)? (?! if\s+not\s+exists\b ) (?P<name>{_NAME}) \s+ on \s+
    (?:only\s+)? (?: (?P<qualifier>{_NAME}) \s*\.\s* )? {_NAME}"""
)
# Statements that may free the names in them, and the names of dependent indexes and sequences.
_FREES = re.compile(r"(?is)\s*(?:drop\b|alter\b.*\b(?:drop|rename|set\s+schema)\b|do\b)")
# Statements that may free any name: they can drop objects that their text does not name.
_FREES_ANYTHING = re.compile(
    r"(?is)\s*(?:do|call|with|select|execute|drop\s+(?:schema|extension|owned)|(?:drop|alter)\b.*\bcascade)\b"
)
# Only statements that begin with one of these words are examined; the many inserts of a large file are skipped.
_WORTH_A_LOOK = re.compile(r"(?i)\s*(?:create|drop|alter|do|set|select|call|with|execute|--|/\*)")
_SEARCH_PATH = re.compile(r"(?i)\bsearch_path\b")

_LOOK = """
    select w.n, coalesce(c.relkind::text, case when t.oid is not null then 'c' else w.kind end),
        case when w.kind = 'schema' then '' else quote_ident(w.qualifier) || '.' end || quote_ident(w.name),
        (select relname::text from pg_catalog.pg_class where oid = coalesce(
            (select indrelid from pg_catalog.pg_index where indexrelid = c.oid),
            (
                select refobjid from pg_catalog.pg_depend
                where classid = 'pg_class'::regclass and objid = c.oid and refclassid = 'pg_class'::regclass and refobjsubid > 0
                    and deptype in ('a', 'i') and c.relkind = 'S'
            )
        ))
    from unnest(%s::int[], %s::text[], %s::text[], %s::text[]) as w (n, kind, qualifier, name)
    join pg_catalog.pg_namespace as n on n.nspname = case w.kind when 'schema' then w.name else w.qualifier end
    left join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = w.name and w.kind in ('relation', 'index')
    left join pg_catalog.pg_type as t
        on t.typnamespace = n.oid and t.typname = w.name and t.typcategory <> 'A' and w.kind in ('relation', 'type')
    where c.oid is not null or t.oid is not null or w.kind = 'schema'
        or (w.kind = 'function' and exists (select from pg_catalog.pg_proc where pronamespace = n.oid and proname = w.name))
    order by w.n
"""
_OWN = """
    select n from unnest(%s::int[], %s::text[]) as w (n, name)
    where exists (
        select from chatschema.schema_records where part_of is null and (object = w.name or starts_with(object, w.name || '('))
    )
"""
_KINDS = {
    "r": "table", "p": "table", "f": "foreign table", "v": "view", "m": "materialized view", "i": "index", "I": "index",
    "S": "sequence", "c": "type",
}  # fmt: skip
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Creation:
    """An object that a statement creates: `kind` is relation, index, type, function or schema."""

    kind: str
    qualifier: str
    name: str
    statement: str
    file: str
    freed: frozenset[str]


class _TakeBack(Exception):
    """Rolls back a transaction whose statements were only tried."""


def refuse(connection: Connection, files: Sequence[MigrationFile], *, is_first: bool) -> None:
    """Raise ChatschemaError, naming the objects that `files` will create and that exist already. Changes nothing.

    `is_first`: no migration has been applied here, so no existing object comes from one. Later, indexes and sequences are left
    to PostgreSQL, and so is everything after a statement that may drop objects without naming them. Raises ServerError.
    """
    wanted = list(_creations(files, is_first))
    if not wanted:
        return
    columns = ([c.kind for c in wanted], [c.qualifier for c in wanted], [c.name for c in wanted])
    rows = postgres.fetch_all(connection, _LOOK, (list(range(len(wanted))), *columns))
    rows = [row for row in rows if row[3] not in wanted[row[0]].freed and (is_first or row[1] not in "iIS")]
    own = set() if is_first else _own(connection, rows)
    found = [
        (_KINDS.get(kind, kind), name, wanted[n].file)
        for n, kind, name, _ in rows
        if n not in own and (kind != "function" or _exists(connection, wanted[n]))
    ]
    if not found:
        return
    count = "1 object" if len(found) == 1 else f"{len(found)} objects"
    lines = [f"database {connection.info.dbname} already has {count} that pending migrations create; nothing was changed"]
    lines += [f"  {kind} {name}: {file} would create it" for kind, name, file in found[:_SHOWN]]
    lines += [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    raise ChatschemaError(
        "\n".join(lines),
        f"use a separate database: createdb NAME; or for each of these objects, {_way_out(*found[0][:2])}",
        code="migration.collision",
    )


def _way_out(kind: str, name: str) -> str:
    if kind in ("schema", "index"):
        return f"rename it: alter {kind} {name} rename to ..."
    # A table takes along its indexes and its row type, whose names would collide as well.
    return f"move it away: create schema old; alter {kind} {name} set schema old"


def _own(connection: Connection, rows: list[tuple[Any, ...]]) -> set[int]:
    """Return the numbers of the rows whose object a migration created, as far as the record exists and may be read."""
    query = "select coalesce(has_table_privilege(to_regclass('chatschema.schema_records'), 'select'), false)"
    if not rows or not postgres.fetch_one(connection, query)[0]:
        return set()
    return {n for (n,) in postgres.fetch_all(connection, _OWN, ([row[0] for row in rows], [row[2] for row in rows]))}


def _creations(files: Sequence[MigrationFile], is_first: bool) -> Iterator[_Creation]:
    freed: frozenset[str] = frozenset()
    for file in files:
        has_path = False
        for statement in file.apply.statements:
            if not _WORTH_A_LOOK.match(statement.text):
                continue
            text = COMMENTS.sub(" ", statement.text)
            has_path = has_path or bool(_SEARCH_PATH.search(text))
            if not is_first and _FREES_ANYTHING.match(text):
                return
            if _FREES.match(text):
                freed |= {_plain(word) for word in re.findall(_NAME, text)}
            match = _CREATE.match(text) or _CREATE_INDEX.match(text)
            if match is None or (match["qualifier"] is None and has_path):
                continue
            kind = next((k for k in ("relation", "type", "schema", "function") if match.groupdict().get(k)), "index")
            name = _plain(match["name"])
            # public is the search_path that every file begins with.
            qualifier = _plain(match["qualifier"] or "public")
            if freed.isdisjoint((name, qualifier)):
                yield _Creation(kind, qualifier, name, statement.text, file.id, freed)


def _plain(name: str) -> str:
    """Return a name as PostgreSQL stores it: quoted as it is, unquoted in lower case."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _exists(connection: Connection, creation: _Creation) -> bool:
    """Return whether the function exists with these arguments. Only the server can tell: it is tried, and rolled back."""
    try:
        with postgres.transaction(connection):
            postgres.execute(connection, "set local check_function_bodies = off; set local lock_timeout = '1s'")
            postgres.execute_text(connection, creation.statement)
            raise _TakeBack
    except _TakeBack:
        return False
    except ServerError as error:
        # duplicate_function; another failure is found again, and explained, when the file is run.
        return error.sqlstate == "42723"
