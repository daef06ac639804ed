-- size_unless_locked: the bytes of a relation; while it is locked, those of the catalog; beside pg_class as c and `is_locked` of l.
case when l.is_locked then c.relpages::bigint * current_setting('block_size')::integer else pg_relation_size(c.oid) end
