"""The prelude of a migration: before its first statement, its transaction locks the existing tables that its statements lock.

Without it each statement waits for its own lock, while the locks of those before it hold up all other sessions; autovacuum is
never evicted, because the server does that only for a session that has waited for deadlock_timeout; and DROP TRIGGER locks the
partitions before their parent, in the opposite order of every query, which ends in a deadlock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.migration.heads import Mode, Need
from chatschema.postgres import Connection, relation
from chatschema.values import Patience

# The weakest mode that autovacuum conflicts with. No reader or writer waits behind it, so it may be waited for, but for longer
# than deadlock_timeout: then the server cancels the autovacuum.
_FIRST, _FIRST_MS, _BEYOND_MS = Mode.SHARE_UPDATE_EXCLUSIVE, 3000, 2000


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock to take: the table as SQL writes its name, whether without its partitions, and the mode."""

    table: str
    is_only: bool
    mode: Mode

    def __str__(self) -> str:
        """Return the lock in words."""
        return f"{self.table} ({self.mode.words})"

    @property
    def name(self) -> str:
        """The table, as LOCK TABLE writes it."""
        return f"only {self.table}" if self.is_only else self.table


_HAS_ROWS = f"""exists (
    select from ({relation.LEAVES}) as leaf join pg_catalog.pg_class as c on c.oid = leaf.oid where {relation.SIZE} > 0
)"""
# A quick look first: while a database is migrated for the first time, no table has rows.
_ANY_ROWS = f"""
    select exists (
        select from unnest(%s::text[], %s::text[]) as n (schema, name)
        join pg_catalog.pg_namespace as s on s.nspname = coalesce(n.schema, 'public')
        join pg_catalog.pg_class as r on r.relnamespace = s.oid and r.relname = n.name and r.relkind in ('r', 'p')
        where {_HAS_ROWS.format(oid="r.oid")}
    )
"""
# A name without a schema is one in public, to which every file's search_path is set at first.
_LOOK = f"""
    with recursive wanted as (
        select n.kind, n.name, n.mode, n.is_only, n.member, n.is_cascade, s.oid as schema
        from unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::boolean[], %s::text[], %s::boolean[])
            as n (kind, schema, name, mode, is_only, member, is_cascade)
        left join pg_catalog.pg_namespace as s on s.nspname = coalesce(n.schema, 'public')
    ),
    relations as (
        select w.*, coalesce(i.indrelid, c.oid) as oid from wanted as w
        join pg_catalog.pg_class as c on c.relnamespace = w.schema and c.relname = w.name
        left join pg_catalog.pg_index as i on i.indexrelid = c.oid and w.kind = 'index'
        where w.kind in ('table', 'partitioned', 'truncated', 'dropped', 'member', 'index')
    ),
    -- Whatever depends on an object that is dropped with cascade: triggers, policies, defaults and checks lock their table.
    dependents (class, object) as (
        select 'pg_proc'::regclass::oid, p.oid from wanted as w
        join pg_catalog.pg_proc as p on p.pronamespace = w.schema and p.proname = w.name where w.kind = 'routine'
        union select 'pg_type'::regclass, t.oid from wanted as w
        join pg_catalog.pg_type as t on t.typnamespace = w.schema and t.typname = w.name where w.kind = 'type'
        union select 'pg_class'::regclass, c.oid from wanted as w
        join pg_catalog.pg_class as c on c.relnamespace = w.schema and c.relname = w.name where w.kind = 'sequence'
        union select 'pg_namespace'::regclass, s.oid from wanted as w
        join pg_catalog.pg_namespace as s on s.nspname = w.name where w.kind = 'schema'
        union select d.classid, d.objid from dependents as o
        join pg_catalog.pg_depend as d on d.refclassid = o.class and d.refobjid = o.object
    ),
    locked (oid, mode, is_only) as (
        select oid, mode, is_only from relations where kind <> 'member'
        -- A key that is dropped takes its triggers off the other table, and a new partition gets the keys of its parent. The key of
        -- a partition has none of its own there.
        union all select k.confrelid, case r.kind when 'partitioned' then %s else %s end, false from relations as r
        join pg_catalog.pg_constraint as k on k.conrelid = r.oid and k.contype = 'f' and k.conparentid = 0
        where r.kind in ('dropped', 'partitioned') or (r.kind = 'member' and (k.conname = r.member or exists (
            select from pg_catalog.pg_attribute as a where a.attrelid = r.oid and a.attname = r.member and a.attnum = any (k.conkey)
        )))
        union all select k.conrelid, %s, false from relations as r
        join pg_catalog.pg_constraint as k on k.confrelid = r.oid and k.contype = 'f' and k.conparentid = 0
        where r.is_cascade and r.kind in ('truncated', 'dropped', 'member')
        union all select i.inhparent, %s, true from relations as r join pg_catalog.pg_inherits as i on i.inhrelid = r.oid
        where r.kind = 'dropped'
        union all select coalesce(pg_partition_root(t.oid), t.oid), %s, false from (
            select coalesce(g.tgrelid, f.adrelid, k.conrelid, p.polrelid, i.indrelid, c.oid) as oid from dependents as d
            left join pg_catalog.pg_trigger as g on d.class = 'pg_trigger'::regclass and g.oid = d.object
            left join pg_catalog.pg_attrdef as f on d.class = 'pg_attrdef'::regclass and f.oid = d.object
            left join pg_catalog.pg_constraint as k on d.class = 'pg_constraint'::regclass and k.oid = d.object and k.conrelid <> 0
            left join pg_catalog.pg_policy as p on d.class = 'pg_policy'::regclass and p.oid = d.object
            left join pg_catalog.pg_index as i on d.class = 'pg_class'::regclass and i.indexrelid = d.object
            left join pg_catalog.pg_class as c on d.class = 'pg_class'::regclass and c.oid = d.object and c.relkind in ('r', 'p')
        ) as t where t.oid is not null
    ),
    strongest as (
        select c.oid, format('%%I.%%I', s.nspname, c.relname) as name, l.is_only, max(l.mode) as mode,
            coalesce(pg_partition_root(c.oid), c.oid) as root
        from locked as l
        join pg_catalog.pg_class as c on c.oid = l.oid and c.relkind in ('r', 'p') and c.relpersistence <> 't'
        join pg_catalog.pg_namespace as s on s.oid = c.relnamespace
        -- The same privileges that LOCK TABLE needs: a file may become another role for its statements.
        where has_table_privilege(c.oid, 'update, delete, truncate') and c.oid >= 16384
        group by c.oid, s.nspname, c.relname, l.is_only
    ),
    ancestors (root, at) as (
        select root, root from strongest
        union select a.root, k.confrelid from ancestors as a
        join pg_catalog.pg_constraint as k on k.conrelid = a.at and k.contype = 'f'
    )
    select t.name, t.is_only, t.mode from strongest as t where {_HAS_ROWS.format(oid="t.oid")}
    order by (select count(*) from ancestors as a where a.root = t.root), t.root::regclass::text, t.oid <> t.root, t.name,
        t.is_only
"""


def locks(connection: Connection, needs: Sequence[Need]) -> list[Lock]:
    """Return the locks to take for `needs`, in their order: referenced tables and parents first, then by name.

    Left out are tables that do not exist or have no rows, and those that this role may not lock. Raises ServerError.
    """
    schemas, names = [need.schema for need in needs], [need.name for need in needs]
    if all(need.kind == "table" for need in needs) and not (
        needs and postgres.fetch_one(connection, _ANY_ROWS, (schemas, names))[0]
    ):
        return []
    columns = (
        [need.kind for need in needs], schemas, names, [int(need.mode) for need in needs], [need.is_only for need in needs],
        [need.member for need in needs], [need.is_cascade for need in needs],
    )  # fmt: skip
    keyed, strongest = int(Mode.SHARE_ROW_EXCLUSIVE), int(Mode.ACCESS_EXCLUSIVE)
    rows = postgres.fetch_all(connection, _LOOK, (*columns, keyed, *[strongest] * 4))
    found = [Lock(name, is_only, Mode(mode)) for name, is_only, mode in rows]
    whole = {lock.table: lock.mode for lock in found if not lock.is_only}
    return [lock for lock in found if not (lock.is_only and whole.get(lock.table, 0) >= lock.mode)]


# Waits for the first table only; the others must come at once, otherwise all are released and that one is the first. So nobody
# waits behind a table while this waits for another, and the order becomes that of the application's transactions.
_IN_ANY_ORDER = """
declare
    tables text[] := {tables};
    modes text[] := {modes};
    ends timestamptz := clock_timestamp() + {timeout} * interval '1 second';
    at_once_ms integer := {at_once_ms};
    left_ms numeric;
    place integer;
begin
    loop
        begin
            place := 1;
            while place <= cardinality(tables) loop
                left_ms := greatest(1, extract(epoch from ends - clock_timestamp()) * 1000);
                if place > 1 then
                    left_ms := least(left_ms, at_once_ms);
                end if;
                perform set_config('lock_timeout', round(left_ms) || 'ms', true);
                execute format('lock table %s in %s mode', tables[place], modes[place]);
                place := place + 1;
            end loop;
            exit;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() >= ends then
                raise;
            end if;
            tables := tables[place] || tables[:place - 1] || tables[place + 1:];
            modes := modes[place] || modes[:place - 1] || modes[place + 1:];
            at_once_ms := at_once_ms * 2;
        end;
    end loop;
end
"""
_AT_ONCE_MS = 30


def take(connection: Connection, needs: Sequence[Need], patience: Patience) -> None:
    """Take the locks for `needs`: all in the mode that evicts autovacuum, then each in its own within the timeout of `patience`.

    The caller has a transaction with the lock timeout of `patience`, which is set again at the end. Raises ServerError.
    """
    found = locks(connection, needs)
    if not found:
        return
    eviction = "(select greatest({}, setting::integer + {}) from pg_catalog.pg_settings where name = 'deadlock_timeout')"
    _limit(connection, sql.SQL(eviction).format(_FIRST_MS, _BEYOND_MS))
    # The names are quoted by the server.
    names = sql.SQL(", ").join(sql.SQL(lock.name) for lock in found)
    postgres.execute(connection, sql.SQL("lock table {} in {} mode").format(names, sql.SQL(_FIRST.words)))
    if stronger := [lock for lock in found if lock.mode > _FIRST]:
        body = sql.SQL(_IN_ANY_ORDER).format(
            tables=[lock.name for lock in stronger],
            modes=[lock.mode.words for lock in stronger],
            timeout=patience.timeout_s,
            at_once_ms=_AT_ONCE_MS,
        )
        postgres.execute(connection, sql.SQL("do {}").format(body.as_string(connection)))
    _limit(connection, sql.Literal(patience.timeout_s * 1000))
    # Reading a row waits for the answers to all of them: if one fails, the file is not sent.
    postgres.fetch_one(connection, "select true")


def _limit(connection: Connection, milliseconds: sql.Composable) -> None:
    query = sql.SQL("select set_config('lock_timeout', round({})::text || 'ms', true)")
    postgres.execute(connection, query.format(milliseconds))
