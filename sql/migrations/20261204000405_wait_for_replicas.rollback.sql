drop procedure chatschema.wait_for(pg_lsn, interval);
drop procedure chatschema.refuse_open_transaction();
drop function chatschema.written_lsn();
