"""Replacing a database by a clone, so that at every moment one of the two exists."""

from collections.abc import Iterator
from contextlib import contextmanager

from chatschema import postgres
from chatschema.database import copying
from chatschema.database.catalog import Target, ddl, drop, exists, locale
from chatschema.errors import ServerError
from chatschema.postgres import Connection


def make_clone(connection: Connection, target: Target, template: str, *, shares_blocks: bool = False) -> None:
    """Create the target's successor beside it, closed to logins, with the properties of the database itself.

    `shares_blocks`: whether the files of the server can share their blocks.
    """
    drop(connection, target.clone)
    how = copying.way(connection, template, shares_blocks=shares_blocks)
    copying.copy(connection, template, target.clone, how, closed=True)
    if target.exists:
        try:
            _give(connection, _properties(connection, target.name, target.clone))
        except ServerError:
            drop(connection, target.clone)
            raise


def refusal(connection: Connection, name: str) -> str | None:
    """Return the server's words if this role may not give a clone the properties of the database `name`; None if it may.

    Settings of other logins are among them, and those that only superusers make. Tried on the database itself, and rolled back.
    """
    try:
        with connection.transaction(force_rollback=True):
            _give(connection, _properties(connection, name, name))
    except ServerError as error:
        if error.sqlstate != "42501":
            raise
        return str(error)
    return None


def swap(connection: Connection, target: Target) -> None:
    """Replace the target by the clone. The caller has closed the target to logins.

    Databases are renamed before one is dropped; after a kill between two steps, `recover` finishes or reverts the work.
    """
    if target.exists:
        owner = _owner(connection, target.name)
        end_sessions(connection, target.name)
        ddl(connection, "alter database {} rename to {}", target.name, target.old)
        ddl(connection, "alter database {} rename to {}", target.clone, target.name)
        if owner != connection.info.user:
            ddl(connection, "alter database {} owner to {}", target.name, owner)
    else:
        ddl(connection, "alter database {} rename to {}", target.clone, target.name)
    ddl(connection, "alter database {} with allow_connections true", target.name)
    drop(connection, target.old)


@contextmanager
def opened(connection: Connection, target: Target) -> Iterator[None]:
    """Allow logins to the clone while the block runs; nobody else knows its name."""
    ddl(connection, "alter database {} with allow_connections true", target.clone)
    try:
        yield
    finally:
        ddl(connection, "alter database {} with allow_connections false", target.clone)
        end_sessions(connection, target.clone)


def reopen(connection: Connection, name: str) -> None:
    """Rename a database back, and allow logins, if a killed reset left it under its other name or closed."""
    target = Target(name, True, True, True, locale(connection, "template1"))
    has_name, has_old, has_clone = (exists(connection, n) for n in (name, target.old, target.clone))
    if has_old and not has_name:
        ddl(connection, "alter database {} rename to {}", target.old, name)
    if has_old or (has_clone and has_name):
        ddl(connection, "alter database {} with allow_connections true", name)


def recover(connection: Connection, name: str) -> None:
    """Recover a database after a killed reset, as reopen() does, and drop the other leftovers.

    If both names exist, the reset was confirmed, and had renamed the old database to drop it.
    """
    target = Target(name, True, True, True, locale(connection, "template1"))
    has_name, has_old, has_clone = (exists(connection, n) for n in (name, target.old, target.clone))
    reopen(connection, name)
    if has_old or has_clone:
        drop(connection, target.clone)
        if has_name:
            drop(connection, target.old)


def close(connection: Connection, name: str) -> None:
    """Refuse new logins to the database; existing sessions stay until `end_sessions`."""
    ddl(connection, "alter database {} with allow_connections false", name)


def end_sessions(connection: Connection, name: str, *, but: int = 0) -> None:
    """End the sessions in a closed database, except that of process `but`, and wait for their end.

    An autovacuum worker is not a user session: only a superuser may end it, and the server does so itself when the database is
    renamed or dropped. A plain role cannot see the kind of process, but it can see that it has no user.
    """
    query = """
        select count(*) filter (where pg_terminate_backend(pid, 5000)) from pg_catalog.pg_stat_activity
        where datname = %s and pid <> %s and usesysid is not null
    """
    postgres.fetch_one(connection, query, (name, but))


def _give(connection: Connection, statements: list[str]) -> None:
    for statement in statements:
        postgres.execute_text(connection, statement)


def _owner(connection: Connection, name: str) -> str:
    query = "select pg_get_userbyid(datdba) from pg_catalog.pg_database where datname = %s"
    return str(postgres.fetch_one(connection, query, (name,))[0])


def _properties(connection: Connection, name: str, clone: str) -> list[str]:
    """Return the statements that copy the properties of the database `name`, not its contents, to `clone`."""
    query = """
        select format('comment on database %%I is %%L', %(clone)s::text, shobj_description(oid, 'pg_database'))
        from pg_database where datname = %(name)s and shobj_description(oid, 'pg_database') is not null
        union all
        select format('revoke all on database %%I from public', %(clone)s::text)
        from pg_database where datname = %(name)s and datacl is not null
        union all
        select format('grant %%s on database %%I to %%s', string_agg(a.privilege_type, ', '), %(clone)s::text,
            case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
            || case when a.is_grantable then ' with grant option' else '' end
        from pg_database, aclexplode(datacl) as a where datname = %(name)s group by a.grantee, a.is_grantable
        union all
        select format('alter database %%I with connection limit %%s', %(clone)s::text, datconnlimit)
        from pg_database where datname = %(name)s and datconnlimit <> -1
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
