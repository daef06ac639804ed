-- wraparound: the distance to the transaction ID limit.
-- Why: At 2^31 transactions the server refuses to write until the database has been vacuumed. Only partitioned tables are left
--   out, as they hold no rows and no transaction ID: an old one in a TOAST table or in another database stops everybody.
-- Check database: a database still needs an old transaction ID.
-- Check table: autovacuum should have frozen a table long ago.
-- Threshold warn_pct = 50: warn from this percentage of 2^31
-- Threshold critical_pct = 80: critical from this percentage of 2^31
-- Threshold overdue_factor = 1.5: a table is overdue from this many times autovacuum_freeze_max_age
with
ages as materialized (
    select
        c.oid,
        coalesce(o.oid, c.oid) as owner,
        age(c.relfrozenxid) as xids,
        mxid_age(c.relminmxid) as multixacts,
        c.relpersistence = 't' as is_temporary
    from pg_catalog.pg_class as c
    left join pg_catalog.pg_class as o on o.reltoastrelid = c.oid
    -- Temporary tables as well, even those of a session that has ended: autovacuum skips them, but the limit does not.
    where c.relkind in ('r', 'm', 't')
),
tables as (
    select a.owner, max(a.xids) as xids, max(a.multixacts) as multixacts, bool_or(a.is_temporary) as is_temporary from ages as a group by a.owner
),
databases as (
    select d.datname::text as name, age(d.datfrozenxid) as xids, mxid_age(d.datminmxid) as multixacts from pg_catalog.pg_database as d
)
select
    d.name as object, 'database' as kind, d.xids, d.multixacts,
    round(100.0 * greatest(d.xids, d.multixacts) / 2147483648, 2) as used_pct,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from databases as d
union all
(
    select
        t.owner::regclass::text, 'table', t.xids, t.multixacts, round(100.0 * greatest(t.xids, t.multixacts) / 2147483648, 2),
        null, null, null, null, null, null, null
    from tables as t
    order by greatest(t.xids, t.multixacts) desc, t.owner
    limit 20
)
union all
select
    d.name, null, null, null, null,
    case when u.used_pct >= {critical_pct} then 'critical' else 'warn' end,
    'database',
    format('%s %s old, %s %% of the limit', greatest(d.xids, d.multixacts), case when d.multixacts > d.xids then 'multixacts' else 'transactions' end,
        round(u.used_pct, 1)),
    u.used_pct, {warn_pct},
    E'-- in this database; first end what keeps old rows: chatschema report transactions, chatschema report replication\nvacuum (freeze, verbose);',
    null
from databases as d
cross join lateral (select 100.0 * greatest(d.xids, d.multixacts) / 2147483648 as used_pct) as u
where u.used_pct >= {warn_pct}
union all
select
    t.owner::regclass::text, null, null, null, null, 'warn', 'table',
    format('%s %s old; %s', n.age, n.unit, case when t.is_temporary then 'temporary, so autovacuum skips it' else 'autovacuum should have frozen it at ' || n.max_age end),
    n.age, n.max_age * {overdue_factor},
    case
        when t.is_temporary then format('drop table %s;  -- if its session still exists: end that session', t.owner::regclass)
        else format('vacuum (freeze) %s;', t.owner::regclass)
    end,
    null
from tables as t
cross join lateral (
    values
        (t.xids, 'transactions', current_setting('autovacuum_freeze_max_age')::numeric),
        (t.multixacts, 'multixacts', current_setting('autovacuum_multixact_freeze_max_age')::numeric)
) as n (age, unit, max_age)
where n.age >= n.max_age * {overdue_factor}
    -- One finding per table: the unit that is further over its limit.
    and n.unit = case
        when t.xids / current_setting('autovacuum_freeze_max_age')::numeric
            >= t.multixacts / current_setting('autovacuum_multixact_freeze_max_age')::numeric then 'transactions'
        else 'multixacts'
    end
order by used_pct desc nulls last, object
