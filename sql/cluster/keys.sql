-- keys: each unique key of a distributed table contains conversation_id.
-- Why: a shard can check only its own rows. One direct conversation a pair is guarded by its id instead.
alter table public.conversations drop constraint conversations_direct_pair_key;
alter table public.messages drop constraint messages_pkey, drop constraint messages_conversation_id_id_key;
alter table public.messages add constraint messages_pkey primary key (conversation_id, id);
alter table public.message_statuses drop constraint message_statuses_pkey;
alter table public.message_statuses add constraint message_statuses_pkey primary key (conversation_id, message_id, user_id);
alter table public.attachments drop constraint attachments_pkey, drop constraint attachments_message_id_key,
    drop constraint attachments_storage_key;
alter table public.attachments add constraint attachments_pkey primary key (conversation_id, id),
    add constraint attachments_message_id_key unique (conversation_id, message_id),
    add constraint attachments_storage_key unique (conversation_id, storage_provider, storage_key);
