create or replace view chatschema.held_scopes as
with active as (
    select
        id, conversation_id, user_id,
        coalesce(chatschema.uuid7_floor(from_at), '00000000-0000-0000-0000-000000000000') as low,
        coalesce(chatschema.uuid7_floor(to_at), 'ffffffff-ffff-ffff-ffff-ffffffffffff') as high
    from chatschema.holds
    where released_at is null
)
select id as hold_id, conversation_id, user_id as sender_id, low, high from active
union all
select a.id, p.conversation_id, null, a.low, a.high
from active as a
join public.conversation_participants as p on p.user_id = a.user_id
where a.conversation_id is null or a.conversation_id = p.conversation_id;
drop trigger conversation_participants_record_held on public.conversation_participants;
drop trigger holds_refuse_truncate on chatschema.holds;
drop trigger holds_record_conversations on chatschema.holds;
drop trigger holds_wait_for_changes on chatschema.holds;
alter table chatschema.holds drop constraint holds_period_finite_check;
drop table chatschema.last_hold;
drop table chatschema.hold_conversations;
drop function chatschema.refuse_hold_scope_change();
drop function chatschema.record_joined_conversation();
drop function chatschema.record_hold_conversations();
drop function chatschema.before_hold();
drop function chatschema.is_held(uuid, uuid, uuid);
drop function chatschema.has_active_hold();
