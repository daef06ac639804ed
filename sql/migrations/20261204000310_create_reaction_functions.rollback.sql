drop function chatschema.remove_reaction(uuid, uuid, text);
drop function chatschema.add_reaction(uuid, uuid, text);
