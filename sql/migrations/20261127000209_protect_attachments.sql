-- attachments: row level security, as for the messages.
-- Why: which files were sent is for the participants, and nobody attaches a file to the message of another.
-- Risk: locks attachments against readers and writers until the commit. From then on a role that does not own it sees no row without app.user_id.
create policy attachments_member_select on public.attachments for select using (
    (
        select true from chatschema.memberships as v
        where v.conversation_id = attachments.conversation_id
            and (attachments.message_id >= v.since_id or attachments.uploader_id = v.user_id)
    ) is not null
);
create policy attachments_uploader_insert on public.attachments for insert with check (
    (
        select true from chatschema.memberships as v
        where v.conversation_id = attachments.conversation_id and attachments.uploader_id = v.user_id
    ) is not null
    and (
        message_id is null
        or exists (
            select from public.messages as m
            where m.id = attachments.message_id and m.sender_id = (select chatschema.actor()) and not m.is_deleted
        )
    )
);
create policy attachments_uploader_update on public.attachments for update
    using (
        state in ('pending', 'ready')
        and (
            select true from chatschema.memberships as v
            where v.conversation_id = attachments.conversation_id and attachments.uploader_id = v.user_id
        ) is not null
    )
    with check (
        (
            select true from chatschema.memberships as v
            where v.conversation_id = attachments.conversation_id and attachments.uploader_id = v.user_id
        ) is not null
        and (
            message_id is null
            or exists (
                select from public.messages as m
                where m.id = attachments.message_id and m.sender_id = (select chatschema.actor())
            )
        )
    );
alter table public.attachments enable row level security;
comment on policy attachments_member_select on public.attachments is
    'Participants read the files of messages from their joining on; an uploader also those that are not sent yet.';
comment on policy attachments_uploader_insert on public.attachments is
    'A participant adds files as the acting user, to an own message or to none yet.';
comment on policy attachments_uploader_update on public.attachments is 'An uploader attaches own files to own messages, unless a file was quarantined or deleted.';
