"""What pending migrations create and the database has already: other people's tables, found before the first file is run."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.postgres import Connection

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
# `or replace`, `if not exists` and `temp` do not match: they get along with what is there.
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
# Statements after which a name may be free again, or anything may be.
_FREES = re.compile(r"(?is)\s*(?:drop\b|alter\b.*\b(?:rename|set\s+schema)\b|do\b)")
# Statements that can be one of these: of the rows of a large file nothing else is looked at.
_WORTH_A_LOOK = re.compile(r"(?i)\s*(?:create|drop|alter|do|set|select|--|/\*)")
_SEARCH_PATH = re.compile(r"(?i)\bsearch_path\b")

_LOOK = """
    select w.n, coalesce(c.relkind::text, case when t.oid is not null then 'c' else w.kind end),
        case when w.kind = 'schema' then '' else quote_ident(w.qualifier) || '.' end || quote_ident(w.name)
    from unnest(%s::int[], %s::text[], %s::text[], %s::text[]) as w (n, kind, qualifier, name)
    join pg_catalog.pg_namespace as n on n.nspname = case w.kind when 'schema' then w.name else w.qualifier end
    left join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = w.name and w.kind in ('relation', 'index')
    left join pg_catalog.pg_type as t
        on t.typnamespace = n.oid and t.typname = w.name and t.typcategory <> 'A' and w.kind in ('relation', 'type')
    where c.oid is not null or t.oid is not null or w.kind = 'schema'
        or (w.kind = 'function' and exists (select from pg_catalog.pg_proc where pronamespace = n.oid and proname = w.name))
    order by w.n
"""
_KINDS = {
    "r": "table", "p": "table", "f": "foreign table", "v": "view", "m": "materialized view", "i": "index", "I": "index",
    "S": "sequence", "c": "type",
}  # fmt: skip
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Creation:
    """What a statement creates: `kind` is relation, index, type, function or schema."""

    kind: str
    qualifier: str
    name: str
    statement: str
    file: str


class _TakeBack(Exception):
    """Ends a transaction whose statements were only to be tried."""


def refuse(connection: Connection, files: Sequence[MigrationFile]) -> None:
    """Raise ChatschemaError when something that `files` will create exists, naming all of it. Changes nothing."""
    wanted = list(_creations(files))
    if not wanted:
        return
    columns = ([c.kind for c in wanted], [c.qualifier for c in wanted], [c.name for c in wanted])
    rows = postgres.fetch_all(connection, _LOOK, (list(range(len(wanted))), *columns))
    found = [
        (_KINDS.get(kind, kind), name, wanted[n].file)
        for n, kind, name in rows
        if kind != "function" or _exists(connection, wanted[n])
    ]
    if not found:
        return
    count = "1 object" if len(found) == 1 else f"{len(found)} objects"
    lines = [f"database {connection.info.dbname} already has {count} that pending migrations create; nothing was changed"]
    lines += [f"  {kind} {name}: {file} would create it" for kind, name, file in found[:_SHOWN]]
    lines += [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    raise ChatschemaError(
        "\n".join(lines),
        f"give chatschema a database of its own: createdb NAME; or for each of these objects, {_way_out(*found[0][:2])}",
    )


def _way_out(kind: str, name: str) -> str:
    if kind in ("schema", "index"):
        return f"rename what is there: alter {kind} {name} rename to ..."
    # With a table its indexes and its row type go along, whose names would be in the way as well.
    return f"move what is there: create schema old; alter {kind} {name} set schema old"


def _creations(files: Sequence[MigrationFile]) -> Iterator[_Creation]:
    freed: set[str] = set()
    for file in files:
        has_path = False
        for statement in file.apply.statements:
            if not _WORTH_A_LOOK.match(statement.text):
                continue
            text = COMMENTS.sub(" ", statement.text)
            has_path = has_path or bool(_SEARCH_PATH.search(text))
            if _FREES.match(text):
                freed |= {_plain(word) for word in re.findall(_NAME, text)}
            match = _CREATE.match(text) or _CREATE_INDEX.match(text)
            if match is None or (match["qualifier"] is None and has_path):
                continue
            kind = next((k for k in ("relation", "type", "schema", "function") if match.groupdict().get(k)), "index")
            name = _plain(match["name"])
            if name not in freed:
                # public is the search_path that every file begins with.
                yield _Creation(kind, _plain(match["qualifier"] or "public"), name, statement.text, file.id)


def _plain(name: str) -> str:
    """Return a name as PostgreSQL stores it: quoted as it is, unquoted in lower case."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _exists(connection: Connection, creation: _Creation) -> bool:
    """Return whether the function exists with these arguments. Only the server can tell: it is tried, and taken back."""
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
