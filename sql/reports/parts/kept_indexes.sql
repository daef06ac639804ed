-- kept_indexes: the indexes that stay when all repeated ones are dropped; beside repeated, supporting_indexes, indexes and index_tree.
-- Why: the reader may follow all advice at once. The index in whose favour another is dropped stays, and so does, for each foreign
--   key and table, the best of the indexes that support it.
select t.root
from repeated as r
join index_tree as t on t.member = r.kept
union
select s.root
from (
    select distinct on (s.foreign_key, s.relation) s.root
    from supporting_indexes as s
    left join indexes as i on i.root = s.root
    where s.root not in (select r.root from repeated as r)
    order by
        s.foreign_key, s.relation, i.is_protected desc,
        s.root in (select t.root from repeated as r join index_tree as t on t.member = r.kept) desc, i.scans desc, i.bytes, s.root
) as s
