-- foreign_keys: each foreign key once, and the indexes that find its rows; beside index_keys.
-- Why: a partitioned one is in the catalog once a partition; the columns may be in any order, but nothing else may be in front.
select
    f.oid, f.conname, f.conrelid, f.confrelid, f.confdeltype = 'c' as is_cascade, f.conkey,
    array(
        select k.indexrelid
        from index_keys as k
        where k.indrelid = f.conrelid and k.is_valid
            -- A null refers to nothing, so `is not null` leaves nothing out.
            and k.key_columns[1:cardinality(f.conkey)] @> f.conkey
            and f.conkey @> k.key_columns[1:cardinality(f.conkey)]
            and (k.predicate is null or k.predicate ~ '^\(?\{{NULLTEST :arg \{{VAR [^{{}}]*\}} :nulltesttype 1 [^{{}}]*\}}\)?$')
    ) as supporting
from pg_catalog.pg_constraint as f
where f.contype = 'f' and f.conparentid = 0
