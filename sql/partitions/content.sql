-- content: the number of rows, and a checksum of all columns of all rows that does not depend on their order.
-- Why: a sum, unlike an exclusive or, detects a duplicate row. 64 bits of each row's text are added as numerics.
select count(*), coalesce(sum(hashtextextended(t.content collate "C", 0)::numeric), 0)::text
from (select row({columns})::text as content from {table}) as t
