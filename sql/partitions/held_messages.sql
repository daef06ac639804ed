-- held_messages: collects the messages of a table that one hold covers.
-- Why: each scope is looked up by the index that serves it; a message in two scopes is collected once.
insert into held_messages
select m.id from chatschema.held_scopes as s
join {messages} as m on m.conversation_id = s.conversation_id and m.id >= s.low and m.id < s.high
where s.hold_id = {hold} and (s.sender_id is null or s.sender_id = m.sender_id)
union
select m.id from chatschema.held_scopes as s
join {messages} as m on m.sender_id = s.sender_id and m.id >= s.low and m.id < s.high
where s.hold_id = {hold} and s.conversation_id is null
union
select m.id from chatschema.held_scopes as s
join {messages} as m on m.id >= s.low and m.id < s.high
where s.hold_id = {hold} and s.conversation_id is null and s.sender_id is null
on conflict do nothing
