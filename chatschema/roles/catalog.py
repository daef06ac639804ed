"""What the database has: roles, memberships, grants, policies, owners. Reads the catalog alone and waits for no lock."""

from dataclasses import dataclass

from psycopg.pq import TransactionStatus

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.roles.values import Grant, Policy

# The objects of chatschema's schemas, without those of extensions. Without grants of its own a function belongs to PUBLIC as well.
_GRANTS = """
    with granted as (
        select 'table' as on_class, format('%I.%I', n.nspname, c.relname) as object, '' as column_name, c.relowner as owner,
            c.relacl as acl, c.oid, 'pg_class'::regclass as catalog
        from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('public', 'chatschema', 'chat_partitions') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
            and c.relacl is not null
        union all
        select 'table', format('%I.%I', n.nspname, c.relname), a.attname, c.relowner, a.attacl, c.oid, 'pg_class'::regclass
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c on c.oid = a.attrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('public', 'chatschema', 'chat_partitions') and a.attacl is not null and not a.attisdropped
        union all
        select 'function', format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)), '', p.proowner,
            coalesce(p.proacl, acldefault('f', p.proowner)), p.oid, 'pg_proc'::regclass
        from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in ('chatschema', 'chat_partitions')
        union all
        select 'schema', quote_ident(n.nspname), '', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)), n.oid,
            'pg_namespace'::regclass
        from pg_catalog.pg_namespace as n where n.nspname in ('public', 'chatschema', 'chat_partitions')
    )
    select case x.grantee when 0 then 'public' else pg_get_userbyid(x.grantee) end, g.on_class, g.object, lower(x.privilege_type),
        g.column_name, bool_or(x.is_grantable)
    from granted as g cross join lateral aclexplode(g.acl) as x
    where x.grantee <> g.owner and not exists (
        select from pg_catalog.pg_depend as d where d.classid = g.catalog and d.objid = g.oid and d.deptype = 'e'
    )
    group by 1, 2, 3, 4, 5
"""
_POLICIES = """
    select p.polname, format('%I.%I', n.nspname, c.relname), case p.polcmd
            when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
        coalesce((select string_agg(pg_get_userbyid(r.oid), ', ') from unnest(p.polroles) as r (oid) where r.oid <> 0), 'public'),
        concat_ws(' with check ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
            || case when p.polpermissive then '' else ' (restrictive)' end
    from pg_catalog.pg_policy as p
    join pg_catalog.pg_class as c on c.oid = p.polrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema')
"""
_ROLES = """
    select r.rolname, r.rolcanlogin, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication
    from pg_catalog.pg_roles as r
"""
# From 16 on, whoever creates a role may grant it, which neither uses it nor becomes it.
_MEMBERS = """
    select pg_get_userbyid(m.roleid), pg_get_userbyid(m.member) from pg_catalog.pg_auth_members as m
    where coalesce((to_jsonb(m) ->> 'inherit_option')::boolean or (to_jsonb(m) ->> 'set_option')::boolean, true)
"""
_OBJECTS = """
    select format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner) from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema', 'chat_partitions') and c.relkind in ('r', 'p', 'v')
    union all
    select format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)), pg_get_userbyid(p.proowner)
    from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace where n.nspname = 'chatschema'
    union all
    select quote_ident(nspname), pg_get_userbyid(nspowner) from pg_catalog.pg_namespace where nspname in ('public', 'chatschema')
"""
_COLUMNS = """
    select format('%I.%I', n.nspname, c.relname), a.attname from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema') and c.relkind in ('r', 'p', 'v') and a.attnum > 0 and not a.attisdropped
"""
_VIEWS = """
    select format('%I.%I', n.nspname, c.relname), coalesce(c.reloptions, '{}')::text[] from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema') and c.relkind = 'v' and not exists (
        select from pg_catalog.pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
"""
# A trigger that is off in one month alone; the record compares those of the parents.
_MONTH_TRIGGERS = """
    select t.tgrelid::regclass::text, quote_ident(t.tgname)
    from pg_catalog.pg_trigger as t join pg_catalog.pg_trigger as p on p.oid = t.tgparentid
    where t.tgenabled <> p.tgenabled and not t.tgisinternal
"""
# Whoever sets it switches every trigger off for itself.
_TRIGGER_SWITCHES = """
    select case x.grantee when 0 then 'public' else pg_get_userbyid(x.grantee) end, lower(x.privilege_type)
    from pg_catalog.pg_parameter_acl as p cross join lateral aclexplode(p.paracl) as x
    where p.parname = 'session_replication_role'
"""
_PREFIX_OF_POLICY = """
    select left(r.rolname, -length('_readonly')) from pg_catalog.pg_policy as p
    join pg_catalog.pg_roles as r on r.oid = any (p.polroles) and r.rolname ~ '^[a-z][a-z0-9_]*_readonly$'
    where p.polrelid = to_regclass('public.users') and p.polname = 'users_readonly_select'
"""


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the cluster, and its attributes that no policy restricts."""

    name: str
    can_login: bool
    is_super: bool
    bypasses_policies: bool
    creates_roles: bool
    creates_databases: bool
    replicates: bool


@dataclass(frozen=True, slots=True)
class Catalog:
    """The state of one moment. `members`: (role, member); `owners`: the owner of each object; `columns`: (table, column).

    `trigger_switches`: (role, privilege) on the setting session_replication_role.
    """

    grants: frozenset[Grant]
    policies: tuple[Policy, ...]
    roles: dict[str, Role]
    members: frozenset[tuple[str, str]]
    owners: dict[str, str]
    columns: frozenset[tuple[str, str]]
    views: dict[str, tuple[str, ...]]
    month_triggers: tuple[tuple[str, str], ...]
    trigger_switches: tuple[tuple[str, str], ...]

    def all_members(self, role: str) -> set[str]:
        """Return the direct and indirect members of a role."""
        found: set[str] = set()
        open_roles = [role]
        while open_roles:
            one = open_roles.pop()
            coming = {member for of, member in self.members if of == one} - found
            found |= coming
            open_roles += coming
        return found


def read(connection: Connection) -> Catalog:
    """Return the state, in one snapshot outside of a transaction of the caller; raises ServerError."""
    is_outermost = connection.info.transaction_status == TransactionStatus.IDLE
    with postgres.transaction(connection):
        if is_outermost:
            postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        postgres.execute(connection, "select set_config('search_path', '', true)")
        rows = [
            postgres.fetch_all(connection, query)
            for query in (_GRANTS, _POLICIES, _ROLES, _MEMBERS, _OBJECTS, _COLUMNS, _VIEWS, _MONTH_TRIGGERS, _TRIGGER_SWITCHES)
        ]
    grants, policies, roles, members, owners, columns, views, month_triggers, trigger_switches = rows
    return Catalog(
        frozenset(Grant(*row) for row in grants),
        tuple(Policy(*row) for row in policies),
        {row[0]: Role(*row) for row in roles},
        frozenset((row[0], row[1]) for row in members),
        dict(row[:2] for row in owners),
        frozenset((row[0], row[1]) for row in columns),
        {row[0]: tuple(row[1]) for row in views},
        tuple((row[0], row[1]) for row in month_triggers),
        tuple((row[0], row[1]) for row in trigger_switches),
    )


def applied_prefix(connection: Connection) -> str | None:
    """Return the prefix with which the roles were applied to this database, None if they never were.

    The record is gone where its migration was undone; then the policies of the roles tell.
    """
    if postgres.has_table(connection, "chatschema.applied_roles"):
        row = postgres.execute(connection, "select prefix from chatschema.applied_roles").fetchone()
        if row:
            return str(row[0])
    row = postgres.execute(connection, _PREFIX_OF_POLICY).fetchone()
    return str(row[0]) if row else None
