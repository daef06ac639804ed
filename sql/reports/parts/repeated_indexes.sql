-- repeated_indexes: each index b whose queries another one, a, answers as well; beside index_keys and indexes.
-- Why: of two equal indexes, the one that backs a constraint, is unique, is used more, is smaller, or is older is kept.
select distinct on (b.root)
    b.root,
    a.indexrelid as kept,
    same.is_same as is_duplicate,
    b.predicate is not distinct from a.predicate as is_sure
from indexes as b
join index_keys as a on a.indrelid = b.indrelid and a.indexrelid <> b.root and a.relam = b.relam
left join indexes as ai on ai.root = a.indexrelid
cross join lateral (
    select
        (a.keys = b.keys or (b.is_btree and a.keys = b.reversed_keys))
            and a.expressions is not distinct from b.expressions
            and a.predicate is not distinct from b.predicate
            and a.all_columns @> b.all_columns and b.all_columns @> a.all_columns
            and a.is_unique = b.is_unique and a.nulls_not_distinct = b.nulls_not_distinct as is_same
) as same
where a.is_valid and b.is_valid
    and (
        (
            same.is_same
            and (a.is_backing, a.is_protected, coalesce(ai.scans, 0), -coalesce(ai.bytes, 0), -a.indexrelid::bigint)
                > (b.is_backing, b.is_protected, b.scans, -b.bytes, -b.root::bigint)
        )
        or (
            not same.is_same and b.is_btree and not b.is_unique
            and cardinality(a.keys) >= cardinality(b.keys)
            and (a.keys[1:cardinality(b.keys)] = b.keys or a.keys[1:cardinality(b.keys)] = b.reversed_keys)
            and (not b.has_expression or (cardinality(a.keys) = cardinality(b.keys) and a.expressions = b.expressions))
            and a.all_columns @> b.all_columns
            and (a.predicate is null or a.predicate = b.predicate)
        )
    )
order by b.root, same.is_same desc, b.predicate is not distinct from a.predicate desc, cardinality(a.keys), a.indexrelid
