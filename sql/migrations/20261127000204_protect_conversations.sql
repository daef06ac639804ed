-- conversations: row level security: participants read a conversation, and an admin changes it.
-- Why: members, moderators and admins differ; a stranger must not learn that a conversation exists.
-- Risk: locks conversations against readers and writers until the commit. From then on a role that does not own it sees no row without app.user_id.
create policy conversations_member_select on public.conversations for select using (
    exists (select from chatschema.memberships as v where v.conversation_id = conversations.id)
    or created_by = (select chatschema.actor()) and chatschema.is_empty(id) is not null
);
create policy conversations_founder_insert on public.conversations for insert with check (
    created_by = (select chatschema.actor()) and deleted_at is null
    and (type <> 'direct' or (select chatschema.actor()) in (direct_user_low, direct_user_high))
);
create policy conversations_admin_update on public.conversations for update using (
    type <> 'direct' and exists (select from chatschema.memberships as v where v.conversation_id = conversations.id and v.role = 'admin')
);
alter table public.conversations enable row level security;
comment on policy conversations_member_select on public.conversations is
    'Participants read a conversation; its creator also before anybody has joined, so that INSERT ... RETURNING works.';
comment on policy conversations_founder_insert on public.conversations is
    'A user creates conversations as creator, and direct ones only with the own id in the pair.';
comment on policy conversations_admin_update on public.conversations is 'An admin changes a group; grants choose the columns.';

create function chatschema.refuse_history_change() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the setting history of conversation % cannot be changed', old.id
        using errcode = 'insufficient_privilege', schema = 'public', table = 'conversations', column = 'settings',
        hint = 'It is chosen when the conversation is created.';
end
$$;
comment on function chatschema.refuse_history_change() is
    'Trigger: whether new participants read the past is decided when a conversation is created; later an admin would open it.';
revoke all on function chatschema.refuse_history_change() from public;

create trigger conversations_guard_history before update on public.conversations
    for each row
    when (
        (new.settings -> 'history') is distinct from (old.settings -> 'history')
        and row_security_active('public.conversations'::regclass)
    )
    execute function chatschema.refuse_history_change();
comment on trigger conversations_guard_history on public.conversations is 'Where row policies apply, the setting history stays as it is.';
