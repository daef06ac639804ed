-- drop_foreign_key: frees a detached month from a table it refers to.
-- Why: dropping the month would lock that table for as long as the last comparison of the rows takes; alone it is a moment.
alter table {partition} drop constraint {constraint}
