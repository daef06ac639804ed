-- conversation_participants: row level security: by the role in the conversation.
-- Why: a member must not become admin, nor a stranger a member, by one UPDATE or INSERT.
-- Risk: locks conversation_participants against readers and writers until the commit. From then on a role that does not own it sees no row without app.user_id.
create policy conversation_participants_member_select on public.conversation_participants for select using (
    user_id = (select chatschema.actor())
    or exists (select from chatschema.memberships as v where v.conversation_id = conversation_participants.conversation_id)
    or chatschema.is_founding(conversation_id) is not null
);
create policy conversation_participants_admin_insert on public.conversation_participants for insert with check (
    left_at is null and (
        exists (
            select from chatschema.memberships as v
            where v.conversation_id = conversation_participants.conversation_id and v.role = 'admin'
        )
        or chatschema.is_founding(conversation_id) is not null
    )
);
create policy conversation_participants_member_update on public.conversation_participants for update
    using (
        user_id = (select chatschema.actor()) and left_at is null
        or exists (
            select from chatschema.memberships as v
            where v.conversation_id = conversation_participants.conversation_id and v.role in ('moderator', 'admin')
        )
    )
    with check (
        user_id = (select chatschema.actor())
        or exists (
            select from chatschema.memberships as v
            where v.conversation_id = conversation_participants.conversation_id and v.role in ('moderator', 'admin')
        )
    );
alter table public.conversation_participants enable row level security;
comment on policy conversation_participants_member_select on public.conversation_participants is
    'A user reads the own rows and those of conversations that the user takes part in; a founder also the rows that are being added.';
comment on policy conversation_participants_admin_insert on public.conversation_participants is
    'An admin adds participants; the creator adds the first ones.';
comment on policy conversation_participants_member_update on public.conversation_participants is
    'A participant changes the own row, a moderator or admin also others; a trigger decides which columns.';
