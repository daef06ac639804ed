-- drop_foreign_key: drops a foreign key of a detached month.
-- Why: dropping the month would lock the referenced table while the rows are compared; dropping the key alone is quick.
alter table {partition} drop constraint {constraint}
