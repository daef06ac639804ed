-- partial_index: the statements that replace an index by one without the nulls of its first column; beside indexes.
-- Why: the statement is that of the original, from behind its name on, however odd the name is. When the first of two statements
--   fails, the second still runs, so the one that drops the original is a comment.
select
    i.root,
    format('create index concurrently %I on ', free.name) || i.table_name || ' '
        || substr(made.text, strpos(made.text, made.before) + length(made.before)) || format(' where (%I is not null);', a.attname)
        -- A name with a line break would end the comment.
        || case when made.text !~ E'[\n\r]' then format(E'\n-- then, once queries use it: drop index concurrently %s;', i.index) else '' end as fix,
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
cross join lateral (select i.relname as base, '_present' as ending, i.relnamespace, false as is_partitioned) as wanted
cross join lateral ({free_name}) as free
