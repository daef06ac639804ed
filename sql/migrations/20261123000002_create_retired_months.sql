-- retired_months: every month that has left or is leaving, where its archive is, and what came of it.
-- Why: the row is written before the first step, so a run that is cut off is found and finished, and no table is forgotten.
-- Risk: new tables; takes no lock on existing data.
create table chatschema.retired_months (
    month                   timestamptz not null,
    state                   text        not null default 'attached',
    keep_until              timestamptz,
    detached_at             timestamptz,
    archived_at             timestamptz,
    archive                 text,
    archive_sha256          text,
    dropped_at              timestamptz,
    restored_at             timestamptz,
    messages                bigint,
    statuses                bigint,
    held_messages           bigint,
    attachments_released    bigint,
    changed_at              timestamptz not null default clock_timestamp(),
    constraint retired_months_pkey primary key (month),
    constraint retired_months_state_check check (state in ('attached', 'detaching', 'detached', 'dropped')),
    constraint retired_months_month_check check (month = date_trunc('month', month, 'UTC')),
    constraint retired_months_archive_check
        check ((archived_at is null) = (archive is null) and (archived_at is null) = (archive_sha256 is null)),
    constraint retired_months_dropped_check check (state <> 'dropped' or dropped_at is not null)
);

create table chatschema.released_attachments (
    attachment_id   uuid        not null,
    message_id      uuid        not null,
    released_at     timestamptz not null default clock_timestamp(),
    constraint released_attachments_pkey primary key (attachment_id)
);

create index idx_released_attachments_message_id on chatschema.released_attachments (message_id);

-- Any role may ask how the months stand; the tables hold no content.
grant select on chatschema.retired_months to public;

comment on table chatschema.retired_months is 'Months that have left or are leaving, or were archived or brought back; one row a month.';
comment on column chatschema.retired_months.month is 'First instant of the month, UTC.';
comment on column chatschema.retired_months.state is 'attached, detaching, detached or dropped.';
comment on column chatschema.retired_months.keep_until is 'Brought back: not to be retired before this.';
comment on column chatschema.retired_months.detached_at is 'When it left the partitioned tables; the days of grace count from here.';
comment on column chatschema.retired_months.archived_at is 'When its latest archive was written and read back.';
comment on column chatschema.retired_months.archive is 'Folder of that archive, on the host that wrote it.';
comment on column chatschema.retired_months.archive_sha256 is 'SHA-256 of that archive''s manifest, which names those of its files.';
comment on column chatschema.retired_months.dropped_at is 'When its tables were dropped.';
comment on column chatschema.retired_months.restored_at is 'When it was last brought back.';
comment on column chatschema.retired_months.messages is 'Messages in the archive, or dropped.';
comment on column chatschema.retired_months.statuses is 'Statuses in the archive, or dropped.';
comment on column chatschema.retired_months.held_messages is 'Messages under a hold that were kept in a table of their own when the rest was dropped.';
comment on column chatschema.retired_months.attachments_released is 'Attachments that lost their message; null until that is done.';
comment on column chatschema.retired_months.changed_at is 'Last change.';
comment on constraint retired_months_pkey on chatschema.retired_months is 'One row a month.';
comment on constraint retired_months_state_check on chatschema.retired_months is 'The states a month goes through.';
comment on constraint retired_months_month_check on chatschema.retired_months is 'A month begins on its first day in UTC.';
comment on constraint retired_months_archive_check on chatschema.retired_months is 'An archive has a time, a place and a digest.';
comment on constraint retired_months_dropped_check on chatschema.retired_months is 'What was dropped says when.';
comment on index chatschema.retired_months_pkey is 'Look-up by month.';
comment on table chatschema.released_attachments is 'Which message an attachment had when that was dropped with its month; used when the month comes back.';
comment on column chatschema.released_attachments.attachment_id is 'The attachment. No foreign key: it may be collected.';
comment on column chatschema.released_attachments.message_id is 'The message it had.';
comment on column chatschema.released_attachments.released_at is 'When it was released.';
comment on constraint released_attachments_pkey on chatschema.released_attachments is 'One row an attachment.';
comment on index chatschema.released_attachments_pkey is 'Look-up by attachment.';
comment on index chatschema.idx_released_attachments_message_id is 'The attachments of a month that comes back.';
