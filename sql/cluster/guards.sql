-- guards: the statement triggers of messages and message_statuses on each of their months.
-- Why: a statement trigger fires only for the table that the statement names, and not for its partitions.
do $guards$
declare
    one record;
begin
    for one in
        select i.inhrelid::regclass as month from pg_catalog.pg_inherits as i
        where i.inhparent in ('public.messages'::regclass, 'public.message_statuses'::regclass) order by 1
    loop
        perform chatschema.guard_month(one.month);
    end loop;
end
$guards$;
