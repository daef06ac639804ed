-- keep_held_statuses: what became of the held messages, beside them.
-- Why: who had read a message is part of what a hold is for.
insert into {held} select t.* from {partition} as t join {messages} as m on m.id = t.message_id on conflict do nothing
