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
