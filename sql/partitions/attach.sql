-- attach: makes the table the parent's month; triggers and foreign keys come with it.
-- Why: SHARE UPDATE EXCLUSIVE on the parent lets reads and writes go on; the caller sets a short lock_timeout.
alter table {parent} attach partition {partition}
    for values from (chatschema.uuid7_floor({from})) to (chatschema.uuid7_floor({to}))
