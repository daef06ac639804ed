-- partial_index: what makes an index that leaves out the nulls of its first column, beside one that has them; beside indexes.
-- Why: the statement is the whole one's own, from behind its name on, however odd that is. Of two statements the second runs
--   although the first has failed, so the one that drops is only said.
select
    i.root,
    format('create index concurrently %I on ', free.name) || i.table_name || ' '
        || substr(made.text, strpos(made.text, made.before) + length(made.before)) || format(' where (%I is not null);', a.attname)
        -- A name may have a line of its own, which is no comment any more.
        || case when made.text !~ E'[\n\r]' then format(E'\n-- then, once it is used: drop index concurrently %s;', i.index) else '' end as fix,
    regexp_replace(made.text, '^CREATE INDEX', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS') || ';'
        || case when made.text !~ E'[\n\r]' then format(E'\n-- then: drop index concurrently %I.%I;', i.nspname, free.name) else '' end as undo
from (
    select u.*, c.relname, c.relnamespace, n.nspname, format('%I.%I', n.nspname, t.relname) as table_name
    from indexes as u
    join pg_catalog.pg_class as c on c.oid = u.root
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_class as t on t.oid = u.indrelid
    where not u.is_partitioned and not u.is_locked and not u.is_protected and u.predicate is null
) as i
join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.key_columns[1]
cross join lateral (
    select pg_get_indexdef(i.root) as text, format('CREATE INDEX %I ON %s ', i.relname, i.table_name) as before
) as made
cross join lateral (
    select w.name
    from generate_series(1, 99) as g
    cross join lateral (
        select left(i.relname, g.at) as name
        from generate_series(0, 50) as g (at)
        where octet_length(left(i.relname, g.at)) <= 50
        order by g.at desc
        limit 1
    ) as cut
    cross join lateral (select cut.name || '_present' || case when g > 1 then '_' || g else '' end as name) as w
    where not exists (select from pg_catalog.pg_class as o where o.relnamespace = i.relnamespace and o.relname = w.name)
    order by g
    limit 1
) as free
