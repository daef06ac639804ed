#!/bin/sh
# For docker-compose.yml: the image lets nobody copy the server from another machine.
echo "host replication all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
