-- count_due: how many messages are due, since when the oldest, and how many of them a hold keeps.
-- Why: what a purge or a drop would remove is shown before it is done. `kept` is whether a hold covers a message, or an answer to it.
select
    count(*) filter (where not d.is_kept), min(d.since) filter (where not d.is_kept), count(*) filter (where d.is_kept)
from (select {since} as since, {kept} as is_kept from {messages} where {due}) as d
