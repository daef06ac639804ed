-- The guards of attached months were dropped with those of their parents; detached months still have theirs.
do $$
declare
    guard record;
begin
    for guard in
        select t.tgname, t.tgrelid::regclass as month from pg_catalog.pg_trigger as t
        join pg_catalog.pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'chat_partitions'::regnamespace and t.tgname ~ '^month_'
    loop
        execute format('drop trigger %I on %s', guard.tgname, guard.month);
    end loop;
end
$$;
drop function chatschema.guard_month(regclass);
drop function chatschema.refuse_delete_of_held_statuses();
drop function chatschema.refuse_truncate_of_held();
drop function chatschema.require_owner();
