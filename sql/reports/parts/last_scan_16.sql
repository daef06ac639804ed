-- last_scan_16: replaces last_scan from version 16 on.
pg_stat_get_lastscan(t.member)
