-- deferred_erasures: erasures that a hold deferred, to be done when the hold is released.
-- Why: a hold suspends an erasure; without a record of it the content would stay for ever.
-- Risk: new table; takes no lock on existing data.
create table chatschema.deferred_erasures (
    message_id      uuid        not null,
    user_id         uuid,
    origin          text        not null,
    erased_at       timestamptz not null default now(),
    recorded_at     timestamptz not null default clock_timestamp(),
    constraint deferred_erasures_message_id_user_id_key unique nulls not distinct (message_id, user_id),
    constraint deferred_erasures_origin_check check (origin in ('tombstone', 'restore'))
);

comment on table chatschema.deferred_erasures is
    'Erasures of content and reactions that a hold deferred; chatschema maintain does them after its release.';
comment on column chatschema.deferred_erasures.message_id is 'The message. No foreign key: its month may be retired.';
comment on column chatschema.deferred_erasures.user_id is 'The reader whose status and reactions are meant; null means the message itself.';
comment on column chatschema.deferred_erasures.origin is
    'tombstone: the application deleted a held message. restore: its month was restored, and a hold deferred an earlier erasure.';
comment on column chatschema.deferred_erasures.erased_at is 'When it should have been erased.';
comment on column chatschema.deferred_erasures.recorded_at is 'When it was deferred.';
comment on constraint deferred_erasures_message_id_user_id_key on chatschema.deferred_erasures is 'One row for each message, or message and reader.';
comment on constraint deferred_erasures_origin_check on chatschema.deferred_erasures is 'The two origins of a deferred erasure.';
comment on index chatschema.deferred_erasures_message_id_user_id_key is 'The deferred erasures of a message.';
