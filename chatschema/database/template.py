"""The migrated template: created once, and named by a hash of everything that determines its contents."""

from collections.abc import Callable

from psycopg import sql

from chatschema import __version__, postgres
from chatschema.database.catalog import Target, ddl, digest, drop, exists, locale
from chatschema.postgres import Connection

PREFIX = "chatschema_template_"


def template_name(connection: Connection, contents: list[str], target: Target) -> str:
    """Return the name of the template: a hash of its `contents`, the role that builds it, this version, and the target's locale."""
    return PREFIX + digest("\n".join([__version__, connection.info.user, repr(target.locale), *contents]))


def build_template(connection: Connection, name: str, target: Target, migrate: Callable[[str], None]) -> bool:
    """Ensure that the template exists; return whether it was built now, by calling `migrate` with the name of a database.

    It is named last, so a template with this name is complete, even if earlier builds were killed.
    """
    if exists(connection, name):
        return False
    building = f"{name}_new"
    drop(connection, building)
    create(connection, building, target)
    try:
        migrate(building)
    except BaseException:
        drop(connection, building)
        raise
    # Nobody may connect: a session in the template would stop every clone.
    ddl(connection, "alter database {} with allow_connections false", building)
    ddl(connection, "alter database {} rename to {}", building, name)
    return True


def drop_outdated(connection: Connection, name: str, target: Target) -> None:
    """Drop earlier templates of this database; the comment of a template names its database."""
    comment = f"chatschema: migrated template, made for database {target.name}"
    query = """
        select datname from pg_catalog.pg_database
        where starts_with(datname, %s) and datname <> %s and shobj_description(oid, 'pg_database') = %s
            and pg_catalog.pg_has_role(datdba, 'usage')
    """
    for (old,) in postgres.fetch_all(connection, query, (PREFIX, name, comment)):
        drop(connection, old)
    statement = sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(comment))
    postgres.execute(connection, statement)


def create(connection: Connection, name: str, target: Target) -> None:
    """Create an empty database with the encoding and the locale of the target."""
    if target.locale == locale(connection, "template1"):
        ddl(connection, "create database {} template template1", name)
        return
    # Only template0 may be copied into another encoding or locale.
    own = target.locale
    parts: list[sql.Composable] = [sql.SQL("create database {} template template0 encoding {} lc_collate {} lc_ctype {}").format(
        sql.Identifier(name), sql.Literal(own.encoding), sql.Literal(own.collate), sql.Literal(own.ctype)
    )]  # fmt: skip
    if own.provider == "i":
        parts.append(sql.SQL("locale_provider icu icu_locale {}").format(sql.Literal(own.name)))
    elif own.provider == "b":
        parts.append(sql.SQL("locale_provider builtin builtin_locale {}").format(sql.Literal(own.name)))
    else:
        parts.append(sql.SQL("locale_provider libc"))
    postgres.execute(connection, sql.SQL(" ").join(parts))
