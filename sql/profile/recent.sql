-- recent: of the same sample the newest messages that are older than a day: their kinds, lengths, replies and statuses.
-- Why: a profile of bulk seeds learns from it. A day later most messages have been read, edited or deleted, if ever.
-- A conversation counts as {most} messages at most, and as {most} statuses at most, in thousandths.
with chosen as materialized (
    select c.id, c.type = 'direct' as is_direct
    from public.conversations as c
    where abs(mod(hashtextextended(c.id::text, {salt}), 1000003)) <= {share}
),
recent as materialized (
    select c.id as conversation_id, c.is_direct, m.*
    from chosen as c
    cross join lateral (
        select m.id, m.reply_to_id, octet_length(m.content_encrypted) as length,
            case when m.message_type = 'system' then 0 when m.is_deleted then 1 when m.edit_count > 0 then 2
                when m.message_type <> 'text' then 3 else 4 end as kind
        from public.messages as m
        where m.conversation_id = c.id and m.id < {ripe}::uuid
        order by m.id desc limit {most}
    ) as m
),
replies as (
    -- 0: no reply; otherwise how many messages back the other one is, up to {farthest}.
    select case when r.reply_to_id is null then 0 else greatest((
        select count(*) from (
            select from public.messages as m
            where m.conversation_id = r.conversation_id and m.id >= r.reply_to_id and m.id < r.id limit {farthest}
        ) as between_them
    ), 1) end as distance
    from recent as r
),
statuses as (
    select r.conversation_id, case when s.read_at is null then 0 when s.reacted_at is null then 1 else 2 end as bin, count(*) as count
    from recent as r join public.message_statuses as s on s.message_id = r.id
    group by r.conversation_id, 2
),
bounded as (
    select bin, floor(1000 * count * least({most}::numeric / sum(count) over (partition by conversation_id), 1)) as count from statuses
)
select 'kinds', case when is_direct then 0 else 5 end + kind, count(*)::bigint from recent group by 2
union all
select 'lengths', width_bucket(length, {ranges}::integer[]) - 1, count(*) from recent where kind > 1 and length is not null group by 2
union all
select 'replies', width_bucket(distance, {ranges}::bigint[]) - 1, count(*) from replies group by 2
union all
select 'statuses', bin, sum(count)::bigint from bounded group by bin
