-- wal: WAL archiving, WAL on disk, and checkpoints.
-- Why: While archive_command fails the server keeps all WAL, without an error for clients, until the disk is full and the server
--   stops. WAL above max_wal_size that neither a slot nor a setting explains has the same cause. A checkpoint that was requested
--   because WAL reached its limit writes whole pages again and again.
-- Check archiver: the latest attempt to archive a file failed, or there is no command to archive with.
-- Check waiting: WAL files wait for the archive although no attempt failed: the command hangs, or is too slow.
-- Check kept: there is much more WAL on disk than max_wal_size, wal_keep_size and the slots explain.
-- Check unseen: this role may not list the WAL files.
-- Check requested: most checkpoints were requested by WAL, not timed.
-- Check window: too few checkpoints for a verdict.
-- Threshold kept_factor = 2: warn from this many times the WAL that is explained
-- Threshold waiting_files = 64: warn when this many WAL files wait for the archive
-- Threshold waiting_ms = 900000: warn when the oldest of them has waited this long
-- Threshold requested_pct = 50: warn from this percentage of requested checkpoints
-- Threshold min_checkpoints = 20: no verdict below this many checkpoints
-- Runs on: primary
-- Acute: yes
with
settings as materialized (
    select
        pg_size_bytes(current_setting('max_wal_size')) as max_bytes,
        pg_size_bytes(current_setting('wal_keep_size')) as keep_bytes,
        pg_size_bytes(current_setting('wal_segment_size')) as segment_bytes
),
slots as (
    select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), r.restart_lsn)), 0) as bytes
    from pg_catalog.pg_replication_slots as r
),
files as materialized ({wal_files}),
-- Dropping a database or taking a backup requests a checkpoint as well: only as many count as the written WAL explains, with today's
-- max_wal_size. `due` is the number that checkpoint_timeout alone would have caused.
checkpoints as materialized (
    select
        c.timed, c.requested, c.timed + c.requested as in_all, r.wal_rate, l.timeout_s, l.spread,
        least(c.requested, floor(r.wal_rate * r.seconds / l.distance)) as forced,
        r.seconds / l.timeout_s as due
    from ({checkpoints}) as c
    cross join pg_catalog.pg_stat_wal as w
    cross join settings as s
    cross join lateral (
        select
            w.wal_bytes / greatest(extract(epoch from clock_timestamp() - w.stats_reset), 0.001) as wal_rate,
            extract(epoch from clock_timestamp() - c.stats_reset) as seconds
    ) as r
    cross join lateral (
        select
            extract(epoch from current_setting('checkpoint_timeout')::interval) as timeout_s,
            1 + current_setting('checkpoint_completion_target')::numeric as spread
    ) as t
    -- Whole files between two checkpoints, at least one: CalculateCheckpointSegments in xlog.c.
    cross join lateral (
        select t.*, greatest(floor(s.max_bytes / t.spread / s.segment_bytes), 1) * s.segment_bytes as distance
    ) as l
),
archiver as (
    select
        a.*,
        current_setting('archive_mode') <> 'off' as is_on,
        current_setting('archive_command') = '' and current_setting('archive_library') = '' as is_empty,
        a.failed_count > 0 and (a.last_archived_time is null or a.last_failed_time > a.last_archived_time) as is_failing
    from pg_catalog.pg_stat_archiver as a
),
explained as (
    select greatest(s.max_bytes, k.bytes + s.keep_bytes) + 2 * s.segment_bytes as bytes
    from settings as s
    cross join slots as k
),
findings as (
    select
        'critical' as severity, 'archiver' as check_name, 'archiver' as object,
        format('archiving failed %s times, last for %s at %s UTC; last success: %s; all WAL since then is kept', a.failed_count, a.last_failed_wal,
            to_char(a.last_failed_time at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
            coalesce(to_char(a.last_archived_time at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC'), 'never')) as message,
        a.failed_count::numeric as value, null::numeric as threshold,
        -- The command itself may contain a password, and only its owner can decide to do without the archive.
        E'-- the server log shows the error of the command: show archive_command, or archive_library\n-- after you change it: select pg_reload_conf();' as fix,
        null as cause
    from archiver as a
    where a.is_on and not a.is_empty and a.is_failing
    union all
    -- Without a command there is no attempt, so none fails.
    select
        'critical', 'archiver', 'archiver',
        'archive_mode is on and archive_command is empty: nothing is archived, all WAL is kept'
            || coalesce('; files that wait: ' || f.waiting, ''),
        f.waiting, null,
        E'-- set archive_command, or archive_library, then: select pg_reload_conf();\n-- or, if no backup needs the WAL: alter system set archive_mode = off; then restart the server',
        null
    from archiver as a
    cross join files as f
    where a.is_on and a.is_empty and f.waiting is distinct from 0
    union all
    select
        'warn', 'waiting', 'archiver',
        format('files that wait for the archive: %s (%s), the oldest for %s s; no attempt has failed', f.waiting,
            pg_size_pretty(f.waiting * s.segment_bytes), round(f.waiting_ms::numeric / 1000)),
        f.waiting, {waiting_files},
        '-- the archive command hangs, for example on a network drive, or is too slow for this WAL: show archive_command', null
    from archiver as a
    cross join files as f
    cross join settings as s
    where a.is_on and not a.is_empty and not a.is_failing and (f.waiting >= {waiting_files} or f.waiting_ms >= {waiting_ms})
    union all
    select
        'warn', 'kept', 'pg_wal',
        format('%s in %s files; max_wal_size, wal_keep_size and slots explain %s', pg_size_pretty(f.bytes), f.files,
            pg_size_pretty(e.bytes)),
        f.bytes, round({kept_factor} * e.bytes),
        case when w.cause is not null then '-- see the archiver: chatschema report wal' else 'checkpoint;' end,
        w.cause
    from files as f
    cross join explained as e
    cross join archiver as a
    cross join settings as s
    cross join lateral (
        select
            case
                when a.is_on and (a.is_failing or a.is_empty) then 'wal.archiver'
                when a.is_on and 2 * f.waiting * s.segment_bytes >= f.bytes then 'wal.waiting'
            end as cause
    ) as w
    where f.bytes >= {kept_factor} * e.bytes
    union all
    select
        'not evaluated', 'unseen', null, 'the size of pg_wal is hidden from this role', null, null,
        format('grant pg_monitor to %I;', current_user), null
    from files as f
    where f.bytes is null
    union all
    select
        'warn', 'requested', 'checkpoints',
        format('%s of %s checkpoints (%s %%) were requested: WAL reaches max_wal_size (%s) before checkpoint_timeout (%s)',
            c.requested, c.in_all, round(100.0 * c.requested / nullif(c.in_all, 0)), current_setting('max_wal_size'),
            current_setting('checkpoint_timeout')),
        100.0 * c.requested / nullif(c.in_all, 0), {requested_pct},
        -- Enough for the WAL of one checkpoint_timeout and a quarter more: at least twice, at most eight times as much as now.
        format(E'-- pg_wal can then use this much disk space\nalter system set max_wal_size = ''%sMB''; select pg_reload_conf();',
            ceil(least(greatest(1.25 * c.wal_rate * c.timeout_s * c.spread, 2 * s.max_bytes), 8 * s.max_bytes) / 1048576)),
        null
    from checkpoints as c
    cross join settings as s
    where c.in_all > 0 and c.in_all >= {min_checkpoints} and c.requested * 100.0 >= c.in_all * {requested_pct}
        and c.forced * 100 >= {requested_pct} * greatest(c.due, {min_checkpoints})
    union all
    select
        'no verdict', 'window', null, format('not enough data: %s of {min_checkpoints} checkpoints', c.in_all), null, null, null, null
    from checkpoints as c
    where c.in_all < {min_checkpoints}
)
select
    'server' as object,
    f.bytes as wal_bytes,
    f.files,
    f.waiting,
    e.bytes as explained_bytes,
    a.archived_count as archived,
    a.failed_count as failed,
    a.last_archived_time as last_archived_at,
    a.last_failed_time as last_failed_at,
    c.timed,
    c.requested,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo,
    null as cause
from files as f
cross join explained as e
cross join archiver as a
cross join checkpoints as c
union all
select
    f.object, null, null, null, null, null, null, null, null, null, null,
    f.severity, f.check_name, f.message, f.value, f.threshold, f.fix,
    case when f.check_name = 'requested' then format('alter system set max_wal_size = %L; select pg_reload_conf();', current_setting('max_wal_size')) end,
    f.cause
from findings as f
