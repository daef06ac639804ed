-- attach: attaches the table as a month of its parent; PostgreSQL adds the parent's triggers and foreign keys.
-- Why: readers never wait. Cloning the foreign keys takes SHARE ROW EXCLUSIVE on the referenced tables, so writers queue
-- behind this statement; the caller gives up after 150 ms, releases its place in the queue, and retries.
alter table {parent} attach partition {partition}
    for values from (chatschema.uuid7_floor({from})) to (chatschema.uuid7_floor({to}))
