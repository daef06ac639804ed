-- drop: the end of a detached month.
-- Why: a dropped table gives its disk back at once and leaves nothing for vacuum.
drop table {partition}
