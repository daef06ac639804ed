-- unkept: objects that are dropped with the database and that a reset cannot recreate, each with the statement that removes it.
select 'subscription ' || quote_ident(subname), 'drop subscription ' || quote_ident(subname)
from pg_catalog.pg_subscription
where subdbid = (select oid from pg_catalog.pg_database where datname = current_database())
union all
select 'replication slot ' || quote_ident(slot_name), format('select pg_drop_replication_slot(%L)', slot_name)
from pg_catalog.pg_replication_slots
where database = current_database() and not temporary
union all
select 'event trigger ' || quote_ident(evtname), 'drop event trigger ' || quote_ident(evtname)
from pg_catalog.pg_event_trigger as t
where not exists (
    select from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e'
)
union all
select 'foreign server ' || quote_ident(srvname), format('drop server %I cascade', srvname)
from pg_catalog.pg_foreign_server as s
where not exists (
    select from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_foreign_server'::regclass and d.objid = s.oid and d.deptype = 'e'
)
order by 1
