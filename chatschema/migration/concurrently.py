"""Statements that run concurrently: the leftovers of an interrupted run, forward or back, and how to continue."""

import re
from collections.abc import Callable

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration.files import COMMENTS
from chatschema.postgres import Connection, Say
from chatschema.sqlfile import SqlFile

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".(;]+)'
_QUALIFIED = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
_CREATE_INDEX = re.compile(
    rf"(?is)\s*create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?P<name>{_NAME})\s+on\s+"
    rf"(?:only\s+)?(?:(?P<schema>{_NAME})\s*\.)?"
)
_DROP_INDEX = re.compile(rf"(?is)\s*drop\s+index\s+concurrently\s+(?:if\s+exists\s+)?(?P<name>{_QUALIFIED})")
_REINDEX = re.compile(
    rf"(?is)\s*reindex\s*(?:\([^)]*\)\s*)?(?P<kind>index|table|schema|database|system)\s+(?:concurrently\s+)?(?P<name>{_QUALIFIED})?"
)
_DETACH = re.compile(
    rf"(?is)\s*alter\s+table\s+(?:if\s+exists\s+)?(?P<parent>{_QUALIFIED})\s+detach\s+partition\s+(?P<name>{_QUALIFIED})"
)
_UNDEFINED_OBJECT = "42704"

_INDEX = """
    select format('%%I.%%I', n.nspname, c.relname), i.indisvalid
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
"""
# Of the tables that a REINDEX is about, with their partitions and TOAST tables.
_LEFT_BY_REINDEX = """
    where not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$' and i.indrelid in (
        with named as (
            select case %(kind)s::text
                when 'index' then (select indrelid from pg_catalog.pg_index where indexrelid = to_regclass(%(name)s))
                when 'table' then to_regclass(%(name)s)::oid
            end as oid
        ), tables as (
            select t.relid::oid as oid from named, pg_partition_tree(named.oid) as t
            union select named.oid from named
            union select t.oid from pg_catalog.pg_class as t join pg_catalog.pg_namespace as s on s.oid = t.relnamespace
            where t.relkind in ('r', 'm') and (
                %(kind)s::text in ('database', 'system') or %(kind)s::text = 'schema' and s.oid = to_regnamespace(%(name)s)
            )
        )
        select oid from tables
        union select t.reltoastrelid from pg_catalog.pg_class as t join tables using (oid) where t.reltoastrelid <> 0
    )
"""


def is_concurrent(file: SqlFile) -> bool:
    """Return whether the file's statement is CONCURRENTLY: it waits without making others wait."""
    return bool(re.search(r"(?i)\bconcurrently\b", _bare(file)))


def take_up(connection: Connection, file: SqlFile, say: Say) -> bool | None:
    """Look for the leftovers of an interrupted run of `file`: True if it completed the work, False if leftovers were removed.

    After False the statement can be run from the start. None: a statement of this kind leaves nothing half done; it either
    ran or did not. Raises ServerError.
    """
    bare = _bare(file)
    for pattern, resume in _RESUME:
        if match := pattern.match(bare):
            return resume(connection, match, lambda text: say(f"{file.path.stem}: {text}"))
    return None


def _resume_create(connection: Connection, match: re.Match[str], say: Say) -> bool:
    found = _index(connection, _created(match))
    if found is None:
        return False
    name, is_valid = found
    if is_valid:
        say("the interrupted run completed the index")
        return True
    _remove(connection, name, say)
    return False


def _resume_drop(connection: Connection, match: re.Match[str], say: Say) -> bool:
    if _index(connection, match["name"]):
        return False
    say("the interrupted run dropped the index")
    return True


def _resume_reindex(connection: Connection, match: re.Match[str], say: Say) -> bool:
    """Remove the copies that a REINDEX left; a complete one leaves no trace, so it is run again in any case."""
    values = {"kind": match["kind"].lower(), "name": match["name"]}
    for name, _ in postgres.fetch_all(connection, _INDEX + _LEFT_BY_REINDEX, values):
        _remove(connection, name, say)
    return False


def _resume_detach(connection: Connection, match: re.Match[str], say: Say) -> bool:
    query = """
        select to_regclass(%(name)s) is not null, (
            select inhdetachpending from pg_catalog.pg_inherits
            where inhrelid = to_regclass(%(name)s) and inhparent = to_regclass(%(parent)s)
        )
    """
    exists, is_pending = postgres.fetch_one(connection, query, match.groupdict())
    if is_pending:
        say("finishing the detach that was interrupted")
        finalize = sql.SQL("alter table {} detach partition {} finalize")
        # The names as the file has them, which the server has just resolved.
        names = (sql.SQL(match[name]) for name in ("parent", "name"))
        postgres.execute(connection, finalize.format(*names))
    return bool(exists and is_pending is not False)


_RESUME: tuple[tuple[re.Pattern[str], Callable[[Connection, re.Match[str], Say], bool]], ...] = (
    (_CREATE_INDEX, _resume_create),
    (_DROP_INDEX, _resume_drop),
    (_REINDEX, _resume_reindex),
    (_DETACH, _resume_detach),
)


def refuse_invalid(connection: Connection, file: SqlFile, command: str) -> None:
    """Raise if the file's index exists and is invalid: `if not exists` accepts it, but an invalid index enforces nothing."""
    match = _CREATE_INDEX.match(_bare(file))
    found = _index(connection, _created(match)) if match else None
    if found and not found[1]:
        raise ChatschemaError(
            f"{file.path.name}: index {found[0]} exists and is invalid, so nothing was recorded",
            f"drop it, then run {command} again: drop index concurrently {found[0]}",
            code="migration.invalid-index",
        )


def _created(match: re.Match[str]) -> str:
    # An unqualified table is looked for in public, the search_path of every migration.
    return f"{match['schema'] or 'public'}.{match['name']}"


def _bare(file: SqlFile) -> str:
    return COMMENTS.sub(" ", file.statements[0].text)


def _index(connection: Connection, name: str) -> tuple[str, bool] | None:
    """Return the full name of an index and whether it is valid; None where there is none of this name."""
    rows = postgres.fetch_all(connection, f"{_INDEX} where i.indexrelid = to_regclass(%s)", (name,))
    return (rows[0][0], rows[0][1]) if rows else None


def _remove(connection: Connection, name: str, say: Say) -> None:
    say(f"dropping the invalid index {name} that the interrupted run left")
    try:
        # The server wrote the name, quoted where it must be.
        postgres.execute(connection, sql.SQL("drop index concurrently {}").format(sql.SQL(name)))
    except ServerError as error:
        # The server process of the interrupted run, or somebody, has dropped it in the meantime.
        if error.sqlstate != _UNDEFINED_OBJECT:
            raise
