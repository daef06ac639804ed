-- there_still: which of these attachments still exist.
-- Why: the others were collected, and their record is deleted.
select a.id from public.attachments as a where a.id = any ({ids}::uuid[]) and a.state <> 'deleted'
