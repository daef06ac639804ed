-- wraparound: how far each table and database is from the transaction number limit.
-- Why: at 2^31 transactions the server refuses to write until it has been vacuumed. Partitioned tables hold no rows and no number,
--   and are left out; so is nothing else: an old number in a TOAST table or another database stops everybody.
-- Check database: the oldest transaction number a database still needs.
-- Check table: a table that autovacuum should have frozen long ago.
-- Threshold warn_pct = 50: percent of 2^31 that is a warning
-- Threshold critical_pct = 80: percent of 2^31 that is critical
-- Threshold overdue_factor = 1.5: times autovacuum_freeze_max_age at which a table is overdue
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
    -- A temporary table too, even of a session that has gone: autovacuum leaves them alone, and they hold up all the same.
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
    E'-- connected to it; first end what holds it back: chatschema report transactions, chatschema report replication\nvacuum (freeze, verbose);',
    null
from databases as d
cross join lateral (select 100.0 * greatest(d.xids, d.multixacts) / 2147483648 as used_pct) as u
where u.used_pct >= {warn_pct}
union all
select
    t.owner::regclass::text, null, null, null, null, 'warn', 'table',
    format('%s %s old; %s', n.age, n.unit, case when t.is_temporary then 'temporary, so autovacuum leaves it alone' else 'autovacuum should have frozen it at ' || n.max_age end),
    n.age, n.max_age * {overdue_factor},
    case
        when t.is_temporary then format('drop table %s;  -- of a session that is still there: end that session', t.owner::regclass)
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
    -- One finding a table: the unit that is further over its limit.
    and n.unit = case
        when t.xids / current_setting('autovacuum_freeze_max_age')::numeric
            >= t.multixacts / current_setting('autovacuum_multixact_freeze_max_age')::numeric then 'transactions'
        else 'multixacts'
    end
order by used_pct desc nulls last, object
