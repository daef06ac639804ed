"""The foreign keys of a table that is about to be attached."""

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Month

_FOREIGN_KEY_VIOLATION = "23503"
# The parent's foreign keys that the table lacks, and whether an interrupted run has left one unchecked.
_MISSING_KEYS = """
    select p.conname, pg_get_constraintdef(p.oid),
        exists (select from pg_catalog.pg_constraint as c where c.conrelid = to_regclass(%(table)s) and c.conname = p.conname)
    from pg_catalog.pg_constraint as p
    where p.conrelid = to_regclass(%(parent)s) and p.contype = 'f' and p.conparentid = 0
        and not exists (
            select from pg_catalog.pg_constraint as c
            where c.conrelid = to_regclass(%(table)s) and c.contype = 'f' and c.conkey = p.conkey and c.confrelid = p.confrelid
                and c.convalidated
        )
"""


def add(connection: Connection, month: Month, schema: str, say: Say) -> None:
    """Add the parent's foreign keys to the table of a month in `schema`; each is added quickly and validated while others write.

    Raises ChatschemaError where a row refers to a deleted one.
    """
    table = sql.Identifier(schema, month.name).as_string(connection)
    names = {"parent": f"public.{month.parent}", "table": f"{schema}.{month.name}"}
    for name, definition, is_unchecked in postgres.fetch_all(connection, _MISSING_KEYS, names):
        key = sql.Identifier(name).as_string(connection)

        def work(key: str = key, definition: str = definition, is_unchecked: bool = is_unchecked) -> None:
            if is_unchecked:
                postgres.execute_text(connection, f"alter table {table} drop constraint {key}")
            postgres.execute_text(connection, f"alter table {table} add constraint {key} {definition} not valid")

        locks.in_transaction(connection, work, locks.MONTHS, say=say)
        try:
            postgres.execute_text(connection, f"alter table {table} validate constraint {key}")
        except ServerError as error:
            if error.sqlstate != _FOREIGN_KEY_VIOLATION:
                raise
            record = "insert into chatschema.erasures (subject_type, subject_id) values ('conversation', '<its id>')"
            hint = f"if the row was erased on purpose, record the erasure: {record}; then try again"
            raise ChatschemaError(
                f"{month.name} stays detached, because it refers to a deleted row: {error.message}", hint, code="restore.reference"
            ) from None
