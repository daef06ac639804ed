-- drop: triggers, policies and foreign keys of the tables that move, and of their months.
-- Why: Citus distributes no table with triggers, and a foreign key leads to a table that is not there yet.
do $drop$
declare
    one record;
begin
    for one in
        with moved as materialized (
            select p.relid as oid from unnest({tables}::text[]) as w (name) cross join pg_partition_tree(w.name::regclass) as p
            union select w.name::regclass from unnest({tables}::text[]) as w (name)
        )
        select format('alter table %s drop constraint %I', o.conrelid::regclass, o.conname) as statement
        from pg_catalog.pg_constraint as o
        where o.contype = 'f' and o.conparentid = 0
            and (o.conrelid in (select oid from moved) or o.confrelid in (select oid from moved))
        union all
        select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
        from moved as m join pg_catalog.pg_trigger as t on t.tgrelid = m.oid and not t.tgisinternal and t.tgparentid = 0
        where t.tgname not like 'truncate\_trigger\_%'
        union all
        select format('drop policy %I on %s', p.polname, p.polrelid::regclass)
        from moved as m join pg_catalog.pg_policy as p on p.polrelid = m.oid
    loop
        execute one.statement;
    end loop;
end
$drop$;
