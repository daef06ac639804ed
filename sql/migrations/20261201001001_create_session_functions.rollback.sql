drop function chatschema.sessions_of(uuid);
drop function chatschema.revoke_sessions(uuid, text, uuid);
drop function chatschema.revoke_session(uuid, text);
drop function chatschema.rotate_session(uuid, text, text, text);
drop function chatschema.start_session(uuid, text, jsonb, interval);
drop function chatschema.end_sessions(uuid, text, uuid, uuid);
drop function chatschema.session_grace();
drop function chatschema.to_inet(text);
