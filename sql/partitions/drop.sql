-- drop: drops the table of a detached month.
-- Why: a dropped table frees its disk space at once and leaves no work for vacuum.
drop table {partition}
