-- case: waits a plain index on a partitioned table
create index idx_messages_key_version on public.messages (key_version);

-- case: ok the same, built online
-- online: index
create index idx_messages_key_version on public.messages (key_version);

-- case: waits a plain unique index
create unique index idx_users_phone on public.users (username, status);

-- case: waits a plain index with if not exists
create index if not exists idx_attachments_hash on public.attachments (content_hash);

-- case: waits a gin index
create index idx_audit_logs_details on public.audit_logs using gin (details);

-- case: waits a brin index
create index idx_audit_logs_time on public.audit_logs using brin (created_at);

-- case: waits a partial index, which reads all rows as well
create index idx_users_guests on public.users (created_at) where email is null;

-- case: waits an index on an expression
create index idx_users_domain on public.users ((split_part(email, '@', 2)));

-- case: waits a name in capitals
CREATE INDEX IDX_MESSAGES_TYPE ON PUBLIC.MESSAGES (MESSAGE_TYPE);

-- case: waits quoted names, and a comment between the words
create /* a new one */ index "idx_messages_type" on "public"."messages" ("message_type");

-- case: waits a table without its schema
create index idx_users_created_at on users (created_at);

-- case: waits an index without a name
create index on public.conversations (type);

-- case: waits an index on one month
create index idx_month_sender on chat_partitions.messages_y2026m01 (sender_id);

-- case: ok an index on a table of the same file
create table public.polls (id uuid not null, asked_by uuid, constraint polls_pkey primary key (id));
create index idx_polls_asked_by on public.polls (asked_by);

-- case: ok the table and its index in different spellings
create table polls (id uuid not null, asked_by uuid, constraint polls_pkey primary key (id));
create index idx_polls_asked_by on public.polls (asked_by);

-- case: ok an index on a new partitioned table
create table public.events (id uuid not null, at timestamptz not null, constraint events_pkey primary key (id, at)) partition by range (at);
create index idx_events_at on public.events (at);

-- case: ok an index on a temporary table
create temporary table picked (id uuid);
create index idx_picked on picked (id);

-- case: fails concurrently inside a transaction
create index concurrently idx_users_created_at on public.users (created_at);

-- case: ok concurrently outside a transaction
-- transactional: false
create index concurrently idx_users_created_at on public.users (created_at);

-- case: fails concurrently on a partitioned table
-- transactional: false
create index concurrently idx_messages_key_version on public.messages (key_version);

-- case: fails a unique index without the partition key
-- online: index
create unique index idx_messages_sender on public.messages (sender_id, created_at);

-- case: ok a unique index with the partition key
-- online: index
create unique index idx_messages_id_sender on public.messages (id, sender_id);

-- case: fails a unique index of another partitioned table without its key
-- online: index
create unique index idx_readings_device on public.readings (device_id);

-- case: fails an index on only the parent, which is never valid
create index idx_messages_key_version on only public.messages (key_version);

-- case: waits a plain drop of an index
drop index public.devices_label_idx;

-- case: ok the same drop online
-- online: index
drop index public.devices_label_idx;

-- case: ok a drop concurrently outside a transaction
-- transactional: false
drop index concurrently public.devices_label_idx;

-- case: fails a drop concurrently inside a transaction
drop index concurrently public.devices_label_idx;

-- case: fails a drop concurrently of a partitioned index
-- transactional: false
drop index concurrently public.idx_messages_sender_id;

-- case: waits a plain drop of an index of messages
drop index public.idx_messages_expires_at;

-- case: ok an index that is created and dropped in one file
create table public.polls (id uuid not null, asked_by uuid, constraint polls_pkey primary key (id));
create index idx_polls_asked_by on public.polls (asked_by);
drop index public.idx_polls_asked_by;

-- case: waits reindex of an index
reindex index public.users_pkey;

-- case: waits reindex of a table
reindex table public.attachments;

-- case: ok reindex concurrently outside a transaction
-- transactional: false
reindex table concurrently public.attachments;

-- case: fails reindex concurrently inside a transaction
reindex index concurrently public.users_pkey;

-- case: ok renaming an index
alter index public.devices_label_idx rename to devices_name_of_label_idx;

-- case: ok a setting of an index
alter index public.devices_label_idx set (fillfactor = 80);

-- case: ok statistics over columns
create statistics public.messages_kind (dependencies) on message_type, is_deleted from public.messages;

-- case: waits cluster
cluster public.users using users_pkey;

-- case: ok attaching the index of a month
alter index public.idx_messages_sender_id attach partition chat_partitions.messages_y2026m01_sender_id_id_idx;

-- case: waits two indexes, the second of an existing table
create table public.polls (id uuid not null, asked_by uuid, constraint polls_pkey primary key (id));
create index idx_polls_asked_by on public.polls (asked_by);
create index idx_users_created_at on public.users (created_at);
