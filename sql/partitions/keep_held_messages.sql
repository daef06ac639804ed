-- keep_held_messages: the held rows of a month into a table of their own.
-- Why: in the transaction that drops the rest, so that no held row is ever in neither place.
insert into {held} select m.* from {partition} as m where {is_held} on conflict do nothing
