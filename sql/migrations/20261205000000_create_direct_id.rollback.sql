drop function chatschema.new_conversation_id();
drop function chatschema.direct_id(uuid, uuid);
