-- keep_held_statuses: copies the statuses of the held messages to their own table.
-- Why: a hold also protects the record of who had read a message.
insert into {held} select t.* from {partition} as t join {messages} as m on m.id = t.message_id on conflict do nothing
