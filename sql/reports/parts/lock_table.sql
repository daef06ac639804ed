-- lock_table: how many transactions that read a page of messages fit in the shared lock table, and the setting that makes room.
-- Why: a query that names no month locks each partition and each index of it until its transaction ends. The manual (13.3 "Explicit
--   Locking", 19.12 "Lock Management") promises room for max_locks_per_transaction locks for each server process and each prepared
--   transaction; not only clients have processes (InitializeMaxBackends in postinit.c). The table keeps an entry for each lock and
--   session. It starts with one for each promised lock and grows into free shared memory: measured on 15.18 and 18.6, with 10 to
--   100 connections, that is 230 bytes for each promised lock and 120000 more; an entry takes 88. A lock that several sessions
--   hold takes 176 once; when half the promised locks are in use these grow too, by at least 32 x 8 kB.
--   Fast-path locks (lock.c, proc.h) are stored outside: 16 per session; from 18 on max_locks_per_transaction rounded up to a power
--   of 2. The measured number was the same, up to an eighth more; a little less after a transaction that locked thousands of relations.
with recursive
members as (
    select i.inhrelid as oid
    from pg_catalog.pg_inherits as i
    where i.inhparent = to_regclass('public.messages')
    union all
    select i.inhrelid
    from members as m
    join pg_catalog.pg_inherits as i on i.inhparent = m.oid
),
relations as (
    select m.oid, false as is_whole
    from members as m
    union all
    select to_regclass('public.messages'), true
),
locks as (
    select
        count(distinct r.oid) filter (where not r.is_whole) as partitions,
        count(distinct r.oid) + count(x.indexrelid) as a_page,
        count(x.indexrelid) filter (where not r.is_whole) as of_indexes
    from relations as r
    left join pg_catalog.pg_index as x on x.indrelid = r.oid
),
server as (
    select
        current_setting('max_locks_per_transaction')::bigint as setting,
        current_setting('max_connections')::bigint as connections,
        current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint
            + coalesce(current_setting('autovacuum_worker_slots', true), current_setting('autovacuum_max_workers'))::bigint
            + current_setting('max_worker_processes')::bigint + current_setting('max_wal_senders')::bigint + 1 as processes,
        current_setting('server_version_num')::integer >= 180000 as has_scaling_fast_path
),
sizes as (
    select
        l.*, s.setting, s.connections, s.setting * s.processes as promised,
        greatest(l.a_page - case when s.has_scaling_fast_path then least(2 ^ ceil(log(2, greatest(s.setting, 16))), 16384) else 16 end, 0) as outside
    from locks as l
    cross join server as s
    where l.partitions > 0
),
room as (
    select
        z.*,
        z.promised + greatest(
            230 * z.promised + 120000
            - case when z.a_page > 0.4 * z.promised then greatest(176 * (z.a_page - 0.5 * z.promised), 32 * 8192) else 0 end, 0
        ) / 88 as entries
    from sizes as z
)
select
    r.connections,
    r.outside * r.connections as needed,
    round(r.entries) as entries,
    f.fits,
    format(
        'about %s of %s connections can read a page of messages at the same time: %s partitions x %s locks; the others get ''out of shared memory''',
        f.fits, r.connections, r.partitions, 1 + round(r.of_indexes / r.partitions)
    ) as message,
    format('alter system set max_locks_per_transaction = %s; -- then restart the server', f.better)
        || case when exists (select from pg_catalog.pg_stat_replication) then ', its standbys first: each needs at least this value' else '' end as fix,
    format('alter system set max_locks_per_transaction = %s; -- then restart the server', r.setting) as undo
from room as r
cross join lateral (
    select
        least(r.connections, coalesce(floor(r.entries / nullif(r.outside, 0)), r.connections)) as fits,
        ceil(r.a_page / 64.0) * 64 as better
) as f
