-- sequences: sequences and integer keys near their limit.
-- Why: A sequence at its limit refuses every insert. The range is the smaller of the sequence's own and that of the column it fills:
--   an integer column ends at 2147483647 however far its bigint sequence counts. A key that the application fills ends there as
--   well; its position is the largest value that ANALYZE found, so it is an estimate.
-- Check used: a sequence is near its limit.
-- Check key: an integer key that no sequence fills is near the limit of its type.
-- Check unreadable: this role may not read the values of a sequence, or of an integer key.
-- Threshold used_warn_pct = 75: warn from this percentage of the range used
-- Threshold used_critical_pct = 90: critical from this percentage of the range used
with
found as materialized (
    select
        c.oid, s.last_value, s.min_value, s.max_value, s.increment_by, s.cycle,
        d.refobjid as table_oid, a.attname, a.attidentity <> '' as is_identity,
        case a.atttypid when 'smallint'::regtype then 32767 when 'integer'::regtype then 2147483647 end as column_max,
        has_sequence_privilege(c.oid, 'select, usage') as is_readable
    from pg_catalog.pg_sequences as s
    join pg_catalog.pg_namespace as n on n.nspname = s.schemaname
    join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = s.sequencename and c.relkind = 'S'
    left join lateral (
        -- The column that owns it, and those that only use it as a default: the smallest type ends first.
        select f.refobjid, f.refobjsubid
        from (
            select d.refobjid, d.refobjsubid
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
                and d.deptype in ('a', 'i') and d.refobjsubid > 0
            union all
            select e.adrelid, e.adnum
            from pg_catalog.pg_depend as d
            join pg_catalog.pg_attrdef as e on e.oid = d.objid
            where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
        ) as f
        join pg_catalog.pg_attribute as b on b.attrelid = f.refobjid and b.attnum = f.refobjsubid
        order by b.attlen, f.refobjid
        limit 1
    ) as d on true
    left join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where c.relpersistence <> 't'
),
used as (
    select
        f.*,
        f.oid::regclass::text as object,
        case
            when f.increment_by > 0 then least(f.max_value, coalesce(f.column_max, f.max_value))
            else f.min_value
        end as last,
        -- A sequence that cycles has no end.
        case
            when not f.cycle and f.increment_by > 0
                then 100.0 * (f.last_value::numeric - f.min_value + 1) / (least(f.max_value, coalesce(f.column_max, f.max_value))::numeric - f.min_value + 1)
            when not f.cycle then 100.0 * (f.max_value::numeric - f.last_value + 1) / (f.max_value::numeric - f.min_value + 1)
        end as used_pct
    from found as f
),
keys as materialized (
    select
        a.attrelid, a.attname, format('%s.%I', a.attrelid::regclass, a.attname) as object, l.last,
        has_column_privilege(a.attrelid, a.attnum, 'select') and not row_security_active(a.attrelid) as is_readable,
        (
            -- The last bound is the largest value of the sample.
            select (v.bounds::text::bigint[])[array_upper(v.bounds::text::bigint[], 1)]
            from (
                select s.histogram_bounds as bounds
                from pg_catalog.pg_stats as s
                join pg_catalog.pg_class as c on c.oid = a.attrelid
                join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = s.schemaname
                where s.tablename = c.relname and s.attname = a.attname and s.inherited = (c.relkind = 'p')
            ) as v
        ) as largest
    from (
        select distinct x.indrelid, x.indkey[0] as attnum
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        join pg_catalog.pg_index as x on x.indrelid = c.oid and x.indisunique and x.indnkeyatts = 1 and x.indpred is null
        where c.relkind in ('r', 'p') and not c.relispartition
    ) as k
    join pg_catalog.pg_attribute as a on a.attrelid = k.indrelid and a.attnum = k.attnum
    join (values ('smallint'::regtype, 32767), ('integer'::regtype, 2147483647)) as l (type, last) on l.type = a.atttypid
    where (a.attrelid, a.attname) not in (select f.table_oid, f.attname from found as f where f.attname is not null)
),
filled as (
    select k.*, 100.0 * k.largest / k.last as used_pct from keys as k
)
select
    u.object, u.table_oid::regclass::text || '.' || u.attname as "column", u.last_value, u.last, round(u.used_pct, 3) as used_pct,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from used as u
union all
select f.object, f.object, f.largest, f.last, round(f.used_pct, 3), null, null, null, null, null, null, null
from filled as f
where f.largest is not null
union all
select
    f.object, null, null, null, null,
    case when f.used_pct >= {used_critical_pct} then 'critical' else 'warn' end,
    'key',
    format('%s of %s: about %s %% used; no sequence fills it', f.largest, f.last, round(f.used_pct, 1)),
    f.used_pct, {used_warn_pct},
    format(E'-- blocks all access to the table while it is rewritten; if it is large, add a bigint column, fill it, and swap\nalter table %s alter column %I type bigint;',
        f.attrelid::regclass, f.attname),
    null
from filled as f
where f.used_pct >= {used_warn_pct}
union all
select
    u.object, null, null, null, null,
    case when u.used_pct >= {used_critical_pct} then 'critical' else 'warn' end,
    'used',
    format('%s of %s: %s %% used', u.last_value, u.last, round(u.used_pct, 1)),
    u.used_pct, {used_warn_pct},
    case
        when u.column_max is not null and u.max_value > u.column_max or u.column_max is not null and u.last = u.column_max
            then format(E'-- blocks all access to the table while it is rewritten; if it is large, add a bigint column, fill it, and swap\nalter table %1$s alter column %2$I type bigint;\nalter sequence %3$s as bigint;',
                u.table_oid::regclass, u.attname, u.object)
        when u.increment_by > 0 then format('alter sequence %s as bigint maxvalue 9223372036854775807;', u.object)
        else format('alter sequence %s as bigint minvalue -9223372036854775808;', u.object)
    end,
    null
from used as u
where u.used_pct >= {used_warn_pct}
union all
select
    null, null, null, null, null, 'not evaluated', 'unreadable',
    format('this role may not read %s sequences: %s%s', count(*),
        array_to_string((array_agg(u.object order by u.object))[1:3], ', '), case when count(*) > 3 then ', ...' end),
    null, null,
    format('grant select on sequence %s to %I;', string_agg(u.object, ', ' order by u.object), current_user), null
from used as u
where not u.is_readable
having count(*) > 0
union all
select
    null, null, null, null, null, 'not evaluated', 'unreadable',
    format('this role may not read the values of %s integer keys: %s%s', count(*),
        array_to_string((array_agg(k.object order by k.object))[1:3], ', '), case when count(*) > 3 then ', ...' end),
    null, null,
    format('grant pg_read_all_data to %I;', current_user)
        || case when bool_or(row_security_active(k.attrelid)) then format(E'\nalter role %I bypassrls;', current_user) else '' end,
    null
from keys as k
where not k.is_readable
having count(*) > 0
order by used_pct desc nulls last, object
