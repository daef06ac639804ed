-- keep_held_messages: copies the held rows of a month to their own table.
-- Why: in the transaction that drops the month, so that each held row is always in one of the two tables.
insert into {held} select m.* from {partition} as m where {is_held} on conflict do nothing
