drop function chatschema.session_hash(uuid);
drop function chatschema.change_password(uuid, text, uuid);
drop function chatschema.register_user(text, text, text, text, text);
drop function chatschema.find_login(text);
drop function chatschema.require_password_hash(text);
drop function chatschema.require_bcrypt(text);
drop function chatschema.refuse_other_user(uuid);
