-- last_scan_16: in the place of last_scan, since version 16.
pg_stat_get_lastscan(t.member)
