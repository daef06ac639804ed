-- attachments: where a message's file is stored; the file itself is elsewhere.
-- Why: the row is the only pointer to the stored file, so it outlives its message until the file is collected.
-- Risk: new table; adds a trigger to messages and foreign keys to two tables, which block writes to them for the moment of the commit.
create table public.attachments (
    id                      uuid        not null default chatschema.uuid7(),
    message_id              uuid,
    conversation_id         uuid        not null,
    uploader_id             uuid        not null,
    storage_provider        text        not null default 's3',
    storage_key             text        not null,
    file_name_encrypted     bytea,
    mime_type               text,
    size_bytes              bigint      not null,
    sha256                  bytea       not null,
    is_encrypted            boolean     not null default true,
    encryption_algorithm    text,
    encryption_nonce        bytea,
    key_version             integer,
    state                   text        not null default 'pending',
    purged_at               timestamptz,
    created_at              timestamptz not null default now(),
    updated_at              timestamptz not null default now(),
    constraint attachments_pkey primary key (id),
    constraint attachments_message_id_key unique (message_id),
    constraint attachments_storage_key unique (storage_provider, storage_key),
    constraint attachments_conversation_id_fkey
        foreign key (conversation_id) references public.conversations (id) on delete restrict,
    constraint attachments_uploader_id_fkey foreign key (uploader_id) references public.users (id) on delete restrict,
    constraint attachments_storage_key_check check (storage_key !~ '://' and length(storage_key) between 1 and 1024),
    constraint attachments_size_bytes_check check (size_bytes >= 0),
    constraint attachments_sha256_check check (octet_length(sha256) = 32),
    constraint attachments_encryption_check check (not is_encrypted or encryption_algorithm is not null),
    constraint attachments_key_version_check check (key_version > 0),
    constraint attachments_state_check check (state in ('pending', 'ready', 'quarantined', 'deleted')),
    constraint attachments_purged_at_check check (purged_at is null or state = 'deleted')
);

create index idx_attachments_conversation_created_at on public.attachments (conversation_id, created_at);
create index idx_attachments_uploader_id on public.attachments (uploader_id);
create index idx_attachments_unattached_created_at on public.attachments (created_at)
    where message_id is null and state <> 'deleted';

create function chatschema.release_attachment() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    update public.attachments as a set message_id = null where a.message_id = old.id;
    return null;
end
$$;
comment on function chatschema.release_attachment() is
    'Trigger: the pointer to the stored file outlives its message, for the collector of files.';
-- With it anybody could make a trigger of it, on a table of their own, and act as the owner.
revoke execute on function chatschema.release_attachment() from public;

create trigger messages_release_attachment after delete on public.messages
    for each row execute function chatschema.release_attachment();
create trigger attachments_require_message after insert on public.attachments
    for each row when (new.message_id is not null) execute function chatschema.require_message('message_id');
create trigger attachments_require_changed_message after update of message_id, conversation_id on public.attachments
    for each row when (
        new.message_id is not null
        and (new.message_id is distinct from old.message_id or new.conversation_id <> old.conversation_id)
    )
    execute function chatschema.require_message('message_id');
create trigger attachments_set_conversation_id before insert on public.attachments
    for each row execute function chatschema.set_conversation_id_from_message();
create trigger attachments_set_updated_at before update on public.attachments
    for each row execute function chatschema.set_updated_at();

comment on table public.attachments is 'Where a message''s file is stored; the file itself is elsewhere.';
comment on column public.attachments.id is 'UUIDv7.';
comment on column public.attachments.message_id is 'The message it belongs to; null before sending and after the message is gone.';
comment on column public.attachments.conversation_id is 'The message''s conversation; filled by a trigger when left out.';
comment on column public.attachments.uploader_id is 'Who uploaded it.';
comment on column public.attachments.storage_provider is 'Which store: s3, gcs, disk, ...';
comment on column public.attachments.storage_key is 'The name in that store; no URL, no signature.';
comment on column public.attachments.file_name_encrypted is 'The file''s name as ciphertext.';
comment on column public.attachments.mime_type is 'Type of the content, as the client says.';
comment on column public.attachments.size_bytes is 'Size of the stored bytes.';
comment on column public.attachments.sha256 is 'SHA-256 of the stored bytes.';
comment on column public.attachments.is_encrypted is 'Whether the stored bytes are ciphertext.';
comment on column public.attachments.encryption_algorithm is 'The cipher of the stored bytes.';
comment on column public.attachments.encryption_nonce is 'Nonce of the cipher, where it is not part of the bytes.';
comment on column public.attachments.key_version is 'Version of the conversation key.';
comment on column public.attachments.state is 'pending, ready, quarantined or deleted.';
comment on column public.attachments.purged_at is 'When the stored bytes were removed.';
comment on column public.attachments.created_at is 'When the upload began.';
comment on column public.attachments.updated_at is 'Last change, kept by a trigger.';
comment on constraint attachments_pkey on public.attachments is 'One row a file.';
comment on constraint attachments_message_id_key on public.attachments is 'At most one attachment a message.';
comment on constraint attachments_storage_key on public.attachments is 'One row a stored object, so collecting it is safe.';
comment on constraint attachments_conversation_id_fkey on public.attachments is 'Files are collected before their conversation is deleted.';
comment on constraint attachments_uploader_id_fkey on public.attachments is 'Users are erased by pseudonym, not deleted.';
comment on constraint attachments_storage_key_check on public.attachments is 'A key, not a URL; 1 to 1024 characters.';
comment on constraint attachments_size_bytes_check on public.attachments is 'Not negative.';
comment on constraint attachments_sha256_check on public.attachments is '32 bytes.';
comment on constraint attachments_encryption_check on public.attachments is 'Ciphertext names its cipher.';
comment on constraint attachments_key_version_check on public.attachments is 'From 1.';
comment on constraint attachments_state_check on public.attachments is 'The states of a file.';
comment on constraint attachments_purged_at_check on public.attachments is 'Only a deleted file is purged.';
comment on index public.attachments_pkey is 'Look-up by id.';
comment on index public.attachments_message_id_key is 'The attachment of a message; deleting a message.';
comment on index public.attachments_storage_key is 'From a stored object to its row, for the collector.';
comment on index public.idx_attachments_conversation_created_at is 'Files of a conversation by time; deleting a conversation.';
comment on index public.idx_attachments_uploader_id is 'Files of a user, for export and erasure; deleting a user.';
comment on index public.idx_attachments_unattached_created_at is 'Uploads never sent and files whose message is gone, for the collector.';
comment on trigger attachments_set_conversation_id on public.attachments is 'Fills conversation_id.';
comment on trigger attachments_require_message on public.attachments is 'The message is there, in the conversation named.';
comment on trigger attachments_require_changed_message on public.attachments is 'The message is there, in the conversation named, also when changed.';
comment on trigger messages_release_attachment on public.messages is 'The pointer to a file outlives its message.';
comment on trigger attachments_set_updated_at on public.attachments is 'Keeps updated_at.';
