-- case: breaks a column removed, as Rails writes it
ALTER TABLE "users" DROP COLUMN "display_name";

-- case: waits a type changed, as Rails writes it
ALTER TABLE "conversation_participants" ALTER COLUMN "role" TYPE character varying(50);

-- case: ok a varchar that loses its limit
ALTER TABLE "devices" ALTER COLUMN "name" TYPE character varying;

-- case: breaks a column renamed, as Rails writes it
ALTER TABLE "users" RENAME COLUMN "display_name" TO "full_name";

-- case: breaks a table renamed, as Rails writes it
ALTER TABLE "devices" RENAME TO "gadgets";

-- case: breaks a table created by force
DROP TABLE IF EXISTS "devices" CASCADE;
CREATE TABLE "devices" ("id" bigint NOT NULL, CONSTRAINT "devices_pkey" PRIMARY KEY ("id"));

-- case: waits a primary key that counts by itself
ALTER TABLE "old_readings" ADD COLUMN "number" bigserial CONSTRAINT "old_readings_pkey" PRIMARY KEY;

-- case: waits a stored column, as Sequelize writes it
ALTER TABLE "public"."users" ADD COLUMN "handle" TEXT GENERATED ALWAYS AS (lower(username)) STORED;

-- case: ok a virtual default of a constant expression
ALTER TABLE "public"."users" ADD COLUMN "credits" INTEGER NOT NULL DEFAULT 10 * 10;

-- case: waits a reference, as pg_dump writes it
ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE SET NULL;

-- case: ok the same, checked later
ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE SET NULL NOT VALID;

-- case: waits a check, as Rails writes it
ALTER TABLE "devices" ADD CONSTRAINT price_check CHECK (price > 0);

-- case: ok a check that is not enforced for old rows
ALTER TABLE "devices" ADD CONSTRAINT price_check CHECK (price > 0) NOT VALID;

-- case: waits an index over two columns
CREATE INDEX "index_devices_on_owner_and_mood" ON "devices" ("owner_id", "mood");

-- case: waits an index with included columns and a storage setting
CREATE INDEX idx_devices_owner ON public.devices USING btree (owner_id) INCLUDE (label) WITH (fillfactor='90') TABLESPACE pg_default;

-- case: waits an exclusion, as Rails writes it
ALTER TABLE "readings" ADD CONSTRAINT no_overlap EXCLUDE USING gist (device_id WITH =, tstzrange(taken_at, taken_at) WITH &&);

-- case: type a json column with a default
ALTER TABLE "users" ADD COLUMN "properties" json DEFAULT '{}';

-- case: waits a uuid default
ALTER TABLE "users" ADD COLUMN "public_id" uuid DEFAULT gen_random_uuid() NOT NULL;

-- case: waits a uuid default of an extension
ALTER TABLE "users" ADD COLUMN "public_id" uuid DEFAULT uuid_generate_v4();

-- case: waits not null, as Rails writes it
ALTER TABLE "devices" ALTER COLUMN "label" SET NOT NULL;

-- case: breaks a schema renamed
ALTER SCHEMA chat_partitions RENAME TO months;

-- case: breaks a renamed value, as Rails writes it
ALTER TYPE "mood" RENAME VALUE 'calm' TO 'serene';

-- case: rows a backfill behind a join of conditions
UPDATE users SET status = 'offline' WHERE status = 'online' AND created_at < '2024-01-01';

-- case: ok a timeout before a short change
SET LOCAL lock_timeout = '2s';
ALTER TABLE public.users ADD COLUMN nickname text;

-- case: ok a table that may not exist
ALTER TABLE IF EXISTS public.devices ADD COLUMN maker text;

-- case: waits a primary key built in place
ALTER TABLE public.old_readings ADD PRIMARY KEY (id, taken_at);

-- case: ok a primary key over an index
ALTER TABLE public.old_readings ADD CONSTRAINT old_readings_pkey PRIMARY KEY USING INDEX old_readings_id_idx;

-- case: waits a unique column
ALTER TABLE public.users ADD COLUMN serial_number text CONSTRAINT users_serial_number_key UNIQUE;

-- case: breaks several columns dropped
ALTER TABLE public.users DROP COLUMN avatar_url, DROP COLUMN display_name;

-- case: ok dropped not null
ALTER TABLE public.users ALTER COLUMN account_state DROP NOT NULL;

-- case: ok three additions in one statement
ALTER TABLE public.users ADD COLUMN a text, ADD COLUMN b integer DEFAULT 1, ADD COLUMN c timestamptz DEFAULT now();

-- case: waits the second of three additions
ALTER TABLE public.users ADD COLUMN a text, ADD COLUMN b double precision DEFAULT random(), ADD COLUMN c text;

-- case: fails an index over all months at once, concurrently
-- transactional: false
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_statuses_reaction ON public.message_statuses (reaction);

-- case: fails a unique key of message_statuses without the message
ALTER TABLE public.message_statuses ADD CONSTRAINT message_statuses_user_key UNIQUE (user_id, conversation_id);

-- case: ok a trigger replaced
CREATE OR REPLACE TRIGGER devices_changed BEFORE UPDATE ON public.devices FOR EACH ROW EXECUTE FUNCTION public.device_changed();

-- case: ok a trigger dropped
DROP TRIGGER IF EXISTS devices_changed ON public.devices;

-- case: unsafe a trigger of the system and the user turned off
ALTER TABLE public.users DISABLE TRIGGER USER;

-- case: ok a policy
CREATE POLICY users_self ON public.users FOR SELECT USING (true);

-- case: unsafe a function as its owner in PL/pgSQL
CREATE OR REPLACE FUNCTION public.erase(who uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
    DELETE FROM public.users WHERE id = who;
END
$body$;

-- case: ok a function with several settings
CREATE FUNCTION public.erase(who uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '64MB' SET search_path TO 'pg_catalog', 'pg_temp' AS $body$
BEGIN
    DELETE FROM public.users WHERE id = who;
END
$body$;

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

-- case: unsafe everybody may become a role
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
