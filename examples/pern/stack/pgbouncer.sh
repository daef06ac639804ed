#!/bin/sh
# For docker-compose.yml: Debian's PgBouncer, with the settings of stack/pooler.py.
set -eu
apt-get -qq update && apt-get -qq install -y --no-install-recommends pgbouncer >/dev/null
printf '"api" "%s"\n"worker" "%s"\n' "$API_PASSWORD" "$WORKER_PASSWORD" >/etc/pgbouncer/users.txt
cat >/etc/pgbouncer/pgbouncer.ini <<'INI'
[databases]
chat = host=primary dbname=chat
chat_replica = host=standby dbname=chat
[pgbouncer]
listen_addr = *
listen_port = 6432
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/users.txt
pool_mode = transaction
default_pool_size = 8
query_wait_timeout = 5
server_login_retry = 1
INI
chown postgres:postgres /etc/pgbouncer/*
exec su postgres -s /bin/sh -c 'exec pgbouncer -q /etc/pgbouncer/pgbouncer.ini'
