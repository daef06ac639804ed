-- keys_back: drops the keys of a distributed database; the keys of one server come back from chatschema.before_cluster.
-- Why: messages are found by their id again, and a pair has its unique key.
alter table public.messages drop constraint messages_pkey;
alter table public.message_statuses drop constraint message_statuses_pkey;
alter table public.attachments drop constraint attachments_pkey, drop constraint attachments_message_id_key,
    drop constraint attachments_storage_key;
