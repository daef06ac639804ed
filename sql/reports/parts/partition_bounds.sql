-- partition_bounds: from when to when each time partition reaches, by its bounds: times, or UUIDs of version 7, which begin with a time.
-- Why: a bound without a time, such as a number or another UUID, is left out.
select
    b.part,
    max(b.at) filter (where b.side = 'lower') as lower,
    max(b.at) filter (where b.side = 'upper') as upper,
    bool_or(b.is_time) as is_time
from (
    select
        i.inhrelid as part,
        b.side,
        k.is_time,
        case
            when b.bound in ('MINVALUE', '-infinity', '00000000-0000-0000-0000-000000000000') then '-infinity'
            when b.bound in ('MAXVALUE', 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff') then 'infinity'
            -- Years of five digits, which not every type has, count as infinity.
            when k.is_time and b.bound ~ ' BC$' then '-infinity'
            when k.is_time and b.bound ~ '^\d{{5,}}-' then 'infinity'
            when k.is_time and b.bound ~ '^\d{{4}}-' then b.bound::timestamptz
            -- Only a UUID of version 7 begins with a time.
            when k.is_uuid and b.bound ~ '^[0-9a-f]{{8}}-[0-9a-f]{{4}}-7' then
                case when u.ms < 253402300800000 then to_timestamp(u.ms / 1000.0) else 'infinity' end
        end as at
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent and p.partstrat = 'r' and p.partnatts = 1
    join pg_catalog.pg_attribute as a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    cross join lateral (
        select
            a.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) as is_time,
            a.atttypid = 'uuid'::regtype as is_uuid
    ) as k
    cross join lateral (
        -- A bound names no column, so it can be read without opening, and locking, a table: 0 means no table.
        select string_to_array(substr(pg_get_expr(c.relpartbound, 0), length('FOR VALUES FROM (') + 1), ') TO (') as found
        offset 0
    ) as m
    cross join lateral (values ('lower', btrim(m.found[1], '''')), ('upper', btrim(m.found[2], ''')'))) as b (side, bound)
    cross join lateral (
        select
            case
                when k.is_uuid and b.bound ~ '^[0-9a-f]{{8}}-[0-9a-f]{{4}}-' then ('x' || left(replace(b.bound, '-', ''), 12))::bit(48)::bigint
            end as ms
    ) as u
    where k.is_time or k.is_uuid
) as b
group by b.part
