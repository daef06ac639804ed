drop function chatschema.page_after(uuid, uuid, integer);
drop function chatschema.page(uuid, uuid, integer);
