drop function chatschema.create_conversation(uuid, uuid[], text, text, jsonb, integer, text);
