-- refresh: forgets the foreign keys, triggers and comments that were saved, so that those of now are saved.
-- Why: a migration may have changed them since the database was distributed. What only one server has stays saved.
delete from chatschema.before_cluster as b
where (b.kind in ('foreign key', 'trigger') and b.object <> all ({but}::text[]))
    or (b.kind = 'comment' and b.object ~ '^(table|column) ');
