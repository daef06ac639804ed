-- case: rows an update by a subquery
UPDATE public.conversations SET title = 'untitled' WHERE id IN (SELECT conversation_id FROM public.messages GROUP BY conversation_id);

-- case: rows a delete of what has no owner
DELETE FROM public.devices WHERE NOT EXISTS (SELECT FROM public.users WHERE users.id = devices.owner_id);

-- case: rows an update in a procedure's block with a loop and a commit
DO $$
BEGIN
    LOOP
        UPDATE public.messages SET key_version = 2 WHERE key_version = 1;
        EXIT WHEN NOT FOUND;
    END LOOP;
END
$$;

-- case: ok an update of a composite key
UPDATE public.conversation_participants SET role = 'admin'
WHERE conversation_id = '00000000-0000-7000-8000-000000000001' AND user_id = '00000000-0000-7000-8000-000000000002';

-- case: rows an update of half a composite key
UPDATE public.conversation_participants SET role = 'admin' WHERE user_id = '00000000-0000-7000-8000-000000000002';

-- case: ok an update by any of an array
UPDATE public.users SET status = 'offline' WHERE id = ANY (ARRAY['00000000-0000-7000-8000-000000000001']::uuid[]);

-- case: ok lookup rows from a list
INSERT INTO public.devices (name) SELECT unnest(ARRAY['a', 'b']);

-- case: ok a table made from values
CREATE TABLE public.plans AS SELECT * FROM (VALUES ('free', 0), ('paid', 9)) AS v (name, price);

-- case: ok a partition made ahead
CREATE TABLE chat_partitions.messages_y2030m01 PARTITION OF public.messages
    FOR VALUES FROM (chatschema.uuid7_floor('2030-01-01')) TO (chatschema.uuid7_floor('2030-02-01'));

-- case: ok autovacuum of one month
ALTER TABLE chat_partitions.messages_y2026m11 SET (autovacuum_vacuum_insert_scale_factor = 0.05);

-- case: waits a check on one month
ALTER TABLE chat_partitions.messages_y2026m11 ADD CONSTRAINT bounds CHECK (id IS NOT NULL);

-- case: breaks a materialized view dropped
DROP MATERIALIZED VIEW public.device_counts;

-- case: breaks a view with other columns
DROP VIEW IF EXISTS public.device_names;
CREATE VIEW public.devices_and_owners AS SELECT owner_id, mood FROM public.devices;

-- case: breaks a function whose name changes
ALTER FUNCTION public.next_code() RENAME TO newest_code;

-- case: ok the owner of a table
ALTER TABLE public.devices OWNER TO CURRENT_USER;

-- case: ok a comment
COMMENT ON COLUMN public.devices.label IS 'What is written on it.';

-- case: ok replica identity
ALTER TABLE public.devices REPLICA IDENTITY FULL;

-- case: ok a sequence
CREATE SEQUENCE public.ticket_numbers;

-- case: ok a type
CREATE TYPE public.size AS ENUM ('small', 'large');

-- case: fails a required column in a list
ALTER TABLE public.devices ADD COLUMN weight numeric NOT NULL, ADD COLUMN height numeric;

-- case: fails alter system
ALTER SYSTEM SET work_mem = '64MB';

-- case: fails a nested transaction by another spelling
START TRANSACTION;
ALTER TABLE public.users ADD COLUMN nickname text;
END;

-- case: waits two large tables that get a trigger each, and a column
ALTER TABLE public.messages ADD COLUMN is_pinned boolean;
ALTER TABLE public.message_statuses ADD COLUMN is_pinned boolean;

-- case: waits moving all indexes
ALTER TABLE public.users SET TABLESPACE pg_default;

-- case: waits reindexing a schema
REINDEX SCHEMA public;

-- case: unsafe everybody may create objects in public
GRANT CREATE ON SCHEMA public TO PUBLIC;

-- case: fails a role granted to everybody, which the server refuses
GRANT pg_read_all_data TO PUBLIC;

-- case: type a key of 32 bits by serial4
CREATE TABLE public.tags (id serial4 CONSTRAINT tags_pkey PRIMARY KEY, name text NOT NULL);

-- case: type timestamps of a framework
CREATE TABLE public.tags (id bigint NOT NULL, created_at timestamp(6) NOT NULL, CONSTRAINT tags_pkey PRIMARY KEY (id));

-- case: ok timestamps with a zone and a precision
CREATE TABLE public.tags (id bigint NOT NULL, created_at timestamptz(6) NOT NULL, CONSTRAINT tags_pkey PRIMARY KEY (id));

-- case: waits a not valid check and a valid one in a second statement
ALTER TABLE public.devices ADD CONSTRAINT a_check CHECK (code <> '') NOT VALID;
ALTER TABLE public.devices ADD CONSTRAINT b_check CHECK (label <> '');

-- case: undo a type that may be in use
CREATE TABLE IF NOT EXISTS public.tags (id bigint NOT NULL, CONSTRAINT tags_pkey PRIMARY KEY (id));
CREATE INDEX IF NOT EXISTS idx_tags_id ON public.tags (id);
-- rollback:
DROP INDEX public.idx_tags_id;

-- case: ok several objects taken back in reverse
CREATE TABLE public.tags (id bigint NOT NULL, CONSTRAINT tags_pkey PRIMARY KEY (id));
CREATE VIEW public.tag_ids AS SELECT id FROM public.tags;
-- rollback:
DROP VIEW public.tag_ids;
DROP TABLE public.tags;

-- case: undo a rollback that empties
INSERT INTO public.devices (name) VALUES ('a');
-- rollback:
TRUNCATE public.devices;

-- case: breaks row level security before its policy
ALTER TABLE public.devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.devices FORCE ROW LEVEL SECURITY;

-- case: ok a column with a check in a new table of the file and an index
CREATE TABLE public.tags (id bigint NOT NULL, name text CONSTRAINT tags_name_check CHECK (name <> ''), CONSTRAINT tags_pkey PRIMARY KEY (id));
CREATE UNIQUE INDEX idx_tags_name ON public.tags (name);
ALTER TABLE public.tags ALTER COLUMN name SET NOT NULL;

-- case: waits a check behind execute
DO $$
BEGIN
    EXECUTE 'alter table public.users add constraint u_check check (status <> '''')';
END
$$;

-- case: ok a select that calls a function of the server
SELECT pg_catalog.set_config('search_path', '', false);
