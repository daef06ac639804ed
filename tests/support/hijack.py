"""A login that shadows what a SECURITY DEFINER function looks up by name: functions, operators and types that tell who runs them."""

import itertools
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support import PASSWORD
from tests.support.database import Database

SPRUNG = "HJ001"
DEFINERS = """
    select p.oid::regprocedure::text, p.prosrc, p.prorettype = 'trigger'::regtype,
        array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a (t, n) order by n)
    from pg_proc as p where p.pronamespace = 'chatschema'::regnamespace and p.prosecdef order by 1
"""
# Words of the grammar, which no search_path can shadow, are among the names and match no function of the catalog.
_CALLED = re.compile(r"\b([a-z_][a-z0-9_]*)\s*\(")
_OPERATORS = ("=", "<>", "<", "<=", ">", ">=", "||", "+", "-", "~", "!~", "!~*", "->", "->>", "?", "@>")
_TYPES = ("uuid", "text", "jsonb", "inet", "bytea", "timestamptz", "bool", "int4", "int8", "interval", "name", "oid")
_SHADOW_FUNCTIONS = """
    select p.proname, pg_get_function_identity_arguments(p.oid), format_type(p.prorettype, null), p.proretset, p.pronargs
    from pg_proc as p where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and p.provariadic = 0
        and p.proname = any (%s) and not 'internal'::regtype = any (p.proargtypes) and p.proallargtypes is null
"""
_SHADOW_OPERATORS = """
    select o.oprname, format_type(o.oprleft, null), format_type(o.oprright, null), format_type(o.oprresult, null)
    from pg_operator as o where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprname = any (%s)
        and o.oprleft::regtype::text = any (%s) and o.oprright::regtype::text = any (%s)
"""


@dataclass(frozen=True)
class Attacker:
    """Two logins, one of which meets the row policies, and how they connect with the attacker's schema before the catalog."""

    database: Database
    name: str

    @property
    def logins(self) -> tuple[str, str]:
        """The login that owns the shadows, and one that passes the row policies: each reaches triggers that the other does not."""
        return self.name, f"{self.name}_bypass"

    def connect(self, login: str = "") -> "psycopg.Connection[tuple[Any, ...]]":
        """Connect as one of the logins, by default the one that meets the policies."""
        url = self.database.server.url(self.database.name, user=login or self.name, password=PASSWORD)
        connection = psycopg.connect(url)
        connection.execute(f"set search_path = {self.name}, pg_temp, public, pg_catalog".encode())
        connection.commit()
        return connection

    def sprung_by(self, statements: list[str], user: object) -> Iterator[str]:
        """Yield the statements in which code of the attacker ran with the rights of somebody else."""
        with self.connect(self.logins[0]) as plain, self.connect(self.logins[1]) as bypass:
            for statement, connection in itertools.product(statements, (bypass, plain)):
                try:
                    connection.execute(f"select pg_catalog.set_config('app.user_id', '{user}', true)".encode())
                    connection.execute(statement.encode())
                except psycopg.Error as error:
                    # What else the database refuses is no finding.
                    if error.sqlstate == SPRUNG:
                        yield statement
                connection.rollback()


@contextmanager
def attacker(database: Database) -> Iterator[Attacker]:
    """Yield logins that have every right on the tables and EXECUTE on every definer function, but own none of them."""
    found = Attacker(database, f"attacker_{uuid.uuid4().hex[:12]}")
    name, bypass = found.logins
    definers = database.all(DEFINERS)
    database.run(
        f"create role {name} login password '{PASSWORD}'; create role {bypass} login password '{PASSWORD}' bypassrls in role {name}; create schema {name} authorization {name}"
    )
    database.run(
        f"grant all on all tables in schema public, chatschema to {name}; grant temporary on database {database.name} to {name}"
    )
    # On the inner functions as well: what they do for a caller with the owner's rights must not depend on the caller's names.
    database.run(f"grant execute on all functions in schema chatschema to {name}")
    try:
        with database.connect() as connection:
            connection.execute(f"set role {name}; set search_path = pg_catalog".encode())
            _shadow(connection, name, sorted({called for _, source, *_ in definers for called in _CALLED.findall(source)}))
        yield found
    finally:
        database.run(f"drop owned by {name}, {bypass} cascade; drop role {bypass}, {name}")


def _shadow(connection: "psycopg.Connection[tuple[Any, ...]]", name: str, called: list[str]) -> None:
    """Create a copy of each function, operator and type that does the same, after it looked who runs it."""
    connection.execute(
        f"create function {name}.spring() returns void language plpgsql set search_path = pg_catalog as $$ begin"
        f" if current_user not in ('{name}', '{name}_bypass') then raise exception 'run as %', current_user using errcode = '{SPRUNG}'; end if; end $$;"
        f"create function {name}.passes(anyelement) returns boolean language plpgsql set search_path = pg_catalog as $$ begin"
        f" perform {name}.spring(); return true; end $$".encode()
    )
    types = connection.execute("select oid::regtype::text from unnest(%s::regtype[]) as oid", (list(_TYPES),)).fetchall()
    full = [row[0] for row in types]
    made = 0
    for proname, arguments, result, is_set, count in connection.execute(_SHADOW_FUNCTIONS, (called,)).fetchall():
        given = ", ".join(f"${n}" for n in range(1, count + 1))
        back = f"return query select * from pg_catalog.{proname}({given})" if is_set else f"return pg_catalog.{proname}({given})"
        made += _create(
            connection,
            f'create function {name}."{proname}"({arguments}) returns {"setof " if is_set else ""}{result} language plpgsql'
            f" set search_path = pg_catalog as $$ begin perform {name}.spring(); {back}; end $$",
        )
    for number, (operator, left, right, result) in enumerate(
        connection.execute(_SHADOW_OPERATORS, (list(_OPERATORS), full, full)).fetchall()
    ):
        made += _create(
            connection,
            f"create function {name}.operator_{number}(a {left}, b {right}) returns {result} language plpgsql"
            f" set search_path = pg_catalog as $$ begin perform {name}.spring(); return a operator(pg_catalog.{operator}) b; end $$;"
            f"create operator {name}.{operator} (leftarg = {left}, rightarg = {right}, function = {name}.operator_{number})",
        )
    for type in ("uuid", "inet", "jsonb", "regclass"):
        made += _create(connection, f"create domain {name}.{type} as pg_catalog.{type} check ({name}.passes(value))")
    assert made > 100, "the attack has nothing to spring"


def _create(connection: "psycopg.Connection[tuple[Any, ...]]", statement: str) -> int:
    """Run a statement that the catalog may not allow, for example for a pseudo-type; return whether it did."""
    try:
        connection.execute(statement.encode())
    except psycopg.Error:
        return 0
    return 1
