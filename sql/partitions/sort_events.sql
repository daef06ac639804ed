-- sort_events: inserts the events without a month again, with their numbers and transactions, and drops what held them.
-- Why: a reader's cursor goes by number and transaction, so it neither skips a moved event nor reads it twice.
insert into chatschema.events (xid, id, recorded_at, kind, table_name, row_id, row_number, conversation_id, user_id, first_id, last_id, row_count)
overriding system value
select xid, id, recorded_at, kind, table_name, row_id, row_number, conversation_id, user_id, first_id, last_id, row_count
from chat_partitions.events_without_month;
drop table chat_partitions.events_without_month;
