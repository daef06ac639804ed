drop function chatschema.create_conversation(uuid[], text, text, jsonb);
