-- foreign_keys: the foreign keys of a detached month.
select conname from pg_catalog.pg_constraint
where conrelid = to_regclass(%(table)s) and contype = 'f' and conparentid = 0
order by conname
