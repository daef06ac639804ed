-- supporting_indexes: the indexes that find the rows of a foreign key; beside foreign_keys, index_keys and index_tree.
-- Why: the columns may be in any order, but no other column may be in front. For a part of a partitioned index the whole is named.
select f.root as foreign_key, f.conrelid as relation, t.root
from foreign_keys as f
join index_keys as k on k.indrelid = f.conrelid and k.is_valid
join index_tree as t on t.member = k.indexrelid
where k.key_columns[1:cardinality(f.conkey)] @> f.conkey
    and f.conkey @> k.key_columns[1:cardinality(f.conkey)]
    and k.finds_equals
    -- A null refers to no row, so `is not null` leaves out no row that matters.
    and (
        k.predicate is null
        or substring(k.predicate from '^\(?\{{NULLTEST :arg \{{VAR :varno \d+ :varattno (\d+) [^{{}}]*\}} :nulltesttype 1 [^{{}}]*\}}\)?$')::smallint
            = any (f.conkey)
    )
