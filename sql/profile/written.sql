-- written: of a sample of conversations how many have so many members and messages, and when their messages were written.
-- Why: a profile of bulk seeds learns from it. All is counted here, and of each conversation at most 131072 messages, from an index alone.
-- A conversation counts once for its members and once for its messages; for hours and days as {most} messages, in thousandths, or fewer.
with chosen as materialized (
    select c.id, c.type = 'direct' as is_direct
    from public.conversations as c
    where abs(mod(hashtextextended(c.id::text, {salt}), 1000003)) <= {share}
),
members as (
    select case when c.is_direct then 0 else greatest(least(count(p.user_id), {largest_group}), 1) end as bin
    from chosen as c
    left join public.conversation_participants as p on p.conversation_id = c.id and p.left_at is null
    group by c.id, c.is_direct
),
moments as materialized (
    select c.id, extract(hour from m.written)::integer as hour, extract(isodow from m.written)::integer - 1 as day,
        least(greatest(
            12 * (extract(year from {now}::timestamp) - extract(year from m.written))
            + extract(month from {now}::timestamp) - extract(month from m.written), 0), {months} - 1)::integer as month,
        count(*) as messages
    from chosen as c
    cross join lateral (
        select m.created_at at time zone 'UTC' as written from public.messages as m where m.conversation_id = c.id limit 131072
    ) as m
    group by c.id, 2, 3, 4
),
totals as materialized (
    select id, sum(messages)::bigint as messages, count(distinct month) as months from moments group by id
),
hours as (
    select m.hour as bin, floor(1000 * sum(m.messages) * least({most}::numeric / t.messages, 1)) as count
    from moments as m join totals as t using (id) group by m.id, m.hour, t.messages
),
days as (
    select m.day as bin, floor(1000 * sum(m.messages) * least({most}::numeric / t.messages, 1)) as count
    from moments as m join totals as t using (id) group by m.id, m.day, t.messages
),
months as (
    select m.month as bin, floor(1000 / t.months::numeric) as count
    from moments as m join totals as t using (id) group by m.id, m.month, t.months
)
select 'members', bin, count(*)::bigint from members group by bin
union all
select 'sizes', width_bucket(coalesce(t.messages, 0), {ranges}::bigint[]) - 1, count(*)
from chosen as c left join totals as t using (id) group by 2
union all
select 'hours', bin, sum(count)::bigint from hours group by bin
union all
select 'days', bin, sum(count)::bigint from days group by bin
union all
select 'months', bin, sum(count)::bigint from months group by bin
