#!/bin/sh
# For docker-compose.yml: what stack/database.py does. The image has chatschema and psql.
set -eu
export PGHOST=primary PGUSER=postgres
psql -v ON_ERROR_STOP=1 -d postgres <<'SQL'
select 'create role chat_owner nologin' where not exists (select from pg_roles where rolname = 'chat_owner') \gexec
select 'create database chat owner chat_owner' where not exists (select from pg_database where datname = 'chat') \gexec
SQL
export DATABASE_URL="postgresql://postgres:$PGPASSWORD@primary/chat?options=-c%20role%3Dchat_owner"
chatschema migrate
DATABASE_URL="postgresql://postgres:$PGPASSWORD@primary/chat" chatschema roles apply
chatschema events record
psql -v ON_ERROR_STOP=1 -v api="$API_PASSWORD" -v worker="$WORKER_PASSWORD" -d chat <<'SQL'
select 'create role api login' where not exists (select from pg_roles where rolname = 'api') \gexec
select 'create role worker login' where not exists (select from pg_roles where rolname = 'worker') \gexec
grant chat_app to api;
grant chat_worker to worker;
alter role api password :'api';
alter role worker password :'worker';
alter role api set statement_timeout = '10s';
alter role worker set statement_timeout = '30s';
SQL
