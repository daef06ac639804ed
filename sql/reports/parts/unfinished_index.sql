-- unfinished_index: a partitioned index that is invalid although each partition has a part of it, and how to finish it.
-- Why: the server marks it valid only when a part is attached. To attach one that is attached already makes it look at all parts.
select
    x.indexrelid as root,
    p.parts,
    p.invalid,
    p.rebuild || format('alter index %s attach partition %s;', x.indexrelid::regclass, p.one) as fix
from pg_catalog.pg_index as x
join pg_catalog.pg_class as c on c.oid = x.indexrelid and c.relkind = 'I'
cross join lateral (
    select
        count(*) as parts,
        count(*) filter (where not y.indisvalid) as invalid,
        max(h.inhrelid::regclass::text) as one,
        coalesce(
            string_agg(format(E'reindex index concurrently %s;\n', h.inhrelid::regclass), '' order by h.inhrelid) filter (where not y.indisvalid),
            ''
        ) as rebuild
    from pg_catalog.pg_inherits as h
    join pg_catalog.pg_index as y on y.indexrelid = h.inhrelid
    where h.inhparent = x.indexrelid
) as p
where not x.indisvalid and p.parts > 0
    -- Not while a part is missing, or may be under construction.
    and not exists (
        select from pg_catalog.pg_inherits as i
        where i.inhparent = x.indrelid and (
            not exists (
                select from pg_catalog.pg_inherits as h
                join pg_catalog.pg_index as y on y.indexrelid = h.inhrelid
                where h.inhparent = x.indexrelid and y.indrelid = i.inhrelid
            )
            or exists (
                select from pg_catalog.pg_stat_progress_create_index as b
                where b.datname = current_database() and (b.relid = i.inhrelid or b.relid is null)
            )
        )
    )
