-- add_bounds_check: the month's bounds as a constraint of the new table.
-- Why: with it ATTACH PARTITION does not read the table, now or after a detach.
alter table {partition} add constraint {constraint} check ({key} >= {lower} and {key} < {upper})
