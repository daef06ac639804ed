"""Whole databases: dropping and rebuilding, by cloning a migrated template where the role may."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from chatschema import __version__, locks, postgres
from chatschema.models import TABLES, Settings
from chatschema.postgres import Connection, Say

PREFIX = "chatschema_template_"


@dataclass(frozen=True, slots=True)
class Target:
    """The database to rebuild. `locale` is encoding, collation and ctype: its own, or what a new one would get."""

    name: str
    exists: bool
    can_clone: bool
    locale: tuple[str, str, str]


def maintenance(settings: Settings, *, wait_s: float = 0, say: Say | None = None) -> Connection:
    """Return a connection to a database of the same server that is not the one to be dropped."""
    name = "template1" if postgres.database_name(settings) == "postgres" else "postgres"
    return postgres.connect(settings, dbname=name, wait_s=wait_s, say=say)


def inspect(connection: Connection, name: str) -> Target:
    """Return what there is under this name, and whether this role may drop and create it."""
    row = postgres.execute(
        connection,
        """
        select pg_catalog.pg_has_role(d.datdba, 'usage'), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype
        from pg_catalog.pg_database as d where d.datname = %s
        """,
        (name,),
    ).fetchone()
    creator = "select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user"
    may_create = bool(postgres.fetch_one(connection, creator)[0])
    if row is None:
        return Target(name, False, may_create, _locale(connection, "template1"))
    return Target(name, True, may_create and row[0], (row[1], row[2], row[3]))


def template_name(checksums: list[str], target: Target) -> str:
    """Return the template's name: a hash of the migrations, this version, and the target's encoding and locale."""
    text = "\n".join([__version__, *checksums, *target.locale])
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()[:16]


def build_template(connection: Connection, name: str, target: Target, migrate: Callable[[str], None]) -> bool:
    """Make sure the template is there; return whether it had to be built, by calling `migrate` with a database's name.

    It gets its name last, so a template under its name is whole, however often a build was killed.
    """
    if _exists(connection, name):
        return False
    building = f"{name}_new"
    drop(connection, building)
    _create(connection, building, "template1", target)
    try:
        migrate(building)
    except BaseException:
        drop(connection, building)
        raise
    # Nobody may connect: a session in the template would stop every clone.
    _ddl(connection, "alter database {} with allow_connections false", building)
    _ddl(connection, "alter database {} rename to {}", building, name)
    _drop_outdated(connection, name, target)
    return True


def _drop_outdated(connection: Connection, name: str, target: Target) -> None:
    """Drop earlier templates made for this database; a template says in its comment for whom it was made."""
    comment = f"chatschema: migrated template, made for database {target.name}"
    query = """
        select datname from pg_catalog.pg_database
        where starts_with(datname, %s) and datname <> %s and shobj_description(oid, 'pg_database') = %s
    """
    for (old,) in postgres.fetch_all(connection, query, (PREFIX, name, comment)):
        drop(connection, old)
    statement = sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(comment))
    postgres.execute(connection, statement)


def replace(connection: Connection, target: Target, template: str) -> None:
    """Put a clone of `template` in the target's place. The old database is dropped only when the clone is there.

    Settings, privileges, owner and comment of the old database are carried over.
    """
    clone = f"chatschema_reset_{hashlib.sha256(target.name.encode()).hexdigest()[:16]}"
    drop(connection, clone)
    _ddl(connection, "create database {} template {}", clone, template)
    owner = ""
    if target.exists:
        for statement in _properties(connection, target.name, clone):
            postgres.execute_text(connection, statement)
        owner = _owner(connection, target.name)
        drop(connection, target.name)
    _ddl(connection, "alter database {} rename to {}", clone, target.name)
    if owner and owner != connection.info.user:
        _ddl(connection, "alter database {} owner to {}", target.name, owner)


def _owner(connection: Connection, name: str) -> str:
    query = "select pg_get_userbyid(datdba) from pg_catalog.pg_database where datname = %s"
    return str(postgres.fetch_one(connection, query, (name,))[0])


def _properties(connection: Connection, name: str, clone: str) -> list[str]:
    """Return the statements that give `clone` what belongs to the database `name` and not to its contents."""
    query = """
        select format('comment on database %%I is %%L', %(clone)s::text, shobj_description(oid, 'pg_database'))
        from pg_database where datname = %(name)s and shobj_description(oid, 'pg_database') is not null
        union all
        select format('revoke all on database %%I from public', %(clone)s::text)
        from pg_database where datname = %(name)s and datacl is not null
        union all
        select format('grant %%s on database %%I to %%s', string_agg(a.privilege_type, ', '), %(clone)s::text,
            case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
        from pg_database, aclexplode(datacl) as a where datname = %(name)s group by a.grantee
        union all
        select format('alter %%s database %%I set %%I to %%s',
            case when s.setrole = 0 then '' else 'role ' || quote_ident(pg_get_userbyid(s.setrole)) || ' in' end,
            %(clone)s::text, v.name,
            -- These are lists, stored quoted item by item (GUC_LIST_QUOTE in guc_tables.c); quoting again makes one item of all.
            case when v.name in ('search_path', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces')
                and v.value <> '""' then v.value else quote_literal(case v.value when '""' then '' else v.value end) end)
        from pg_db_role_setting as s join pg_database as d on d.oid = s.setdatabase, unnest(s.setconfig) as c
        cross join lateral (select split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)) as v (name, value)
        where d.datname = %(name)s
    """
    return [row[0] for row in postgres.fetch_all(connection, query, {"name": name, "clone": clone})]


def drop(connection: Connection, name: str) -> None:
    """Drop a database if it is there, ending its sessions."""
    _ddl(connection, "drop database if exists {} with (force)", name)


def _create(connection: Connection, name: str, template: str, target: Target) -> None:
    statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
    if target.locale != _locale(connection, template):
        encoding, collate, ctype = (sql.Literal(part) for part in target.locale)
        # Only template0 may be copied into another encoding or locale.
        statement = sql.SQL("create database {} template template0 encoding {} lc_collate {} lc_ctype {}").format(
            sql.Identifier(name), encoding, collate, ctype
        )
    postgres.execute(connection, statement)


def _locale(connection: Connection, name: str) -> tuple[str, str, str]:
    query = "select pg_encoding_to_char(encoding), datcollate, datctype from pg_catalog.pg_database where datname = %s"
    row = postgres.fetch_one(connection, query, (name,))
    return row[0], row[1], row[2]


def _exists(connection: Connection, name: str) -> bool:
    query = "select exists (select from pg_catalog.pg_database where datname = %s)"
    return bool(postgres.fetch_one(connection, query, (name,))[0])


def _ddl(connection: Connection, template: LiteralString, *names: str) -> None:
    with _quiet(connection):
        postgres.execute(connection, sql.SQL(template).format(*(sql.Identifier(name) for name in names)))


@contextmanager
def _quiet(connection: Connection) -> Iterator[None]:
    """Without the notice that something to be dropped is not there."""
    postgres.execute(connection, "set client_min_messages = warning")
    try:
        yield
    finally:
        if not connection.closed:
            postgres.execute(connection, "reset client_min_messages")


def drop_objects(connection: Connection) -> None:
    """Drop what chatschema made in this database, in one transaction, and nothing else.

    Raises ServerError when an object of somebody else depends on it.
    """
    names = sql.SQL(", ").join(sql.Identifier("public", table) for table in TABLES)
    with _quiet(connection), postgres.transaction(connection):
        locks.limit_lock_wait(connection)
        postgres.execute(connection, sql.SQL("drop table if exists {}").format(names))
        postgres.execute(connection, "drop schema if exists chat_partitions cascade")
        postgres.execute(connection, "drop schema if exists chatschema cascade")
