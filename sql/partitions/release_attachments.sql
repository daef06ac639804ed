-- release_attachments: unlinks the attachments of a dropped month, a thousand at a time, so that the file collector removes them.
-- Why: their row is the only pointer to the stored file; the message of each is recorded for a later restore.
with released as (
    select a.id, a.message_id from public.attachments as a
    where a.message_id >= {lower} and a.message_id < {upper} and not exists (select from {kept} as k where k.id = a.message_id)
    order by a.message_id limit 1000 for update
), remembered as (
    insert into chatschema.released_attachments (attachment_id, message_id) select id, message_id from released
    on conflict (attachment_id) do update set message_id = excluded.message_id, released_at = clock_timestamp()
)
update public.attachments as a set message_id = null from released as r where a.id = r.id
