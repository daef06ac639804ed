-- attach: makes the table the parent's month; triggers and foreign keys come with it.
-- Why: readers never wait. Cloning the foreign keys takes SHARE ROW EXCLUSIVE on the tables they name, so writers wait
-- while this does; the caller gives up after 150 ms, lets them pass, and tries again.
alter table {parent} attach partition {partition}
    for values from (chatschema.uuid7_floor({from})) to (chatschema.uuid7_floor({to}))
