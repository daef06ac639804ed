-- deferred_erasures: what a hold kept from being erased, so that it is erased when the hold is released.
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
    'Content and reactions that a hold kept from being erased; chatschema maintain erases them after its release.';
comment on column chatschema.deferred_erasures.message_id is 'The message. No foreign key: its month may be retired.';
comment on column chatschema.deferred_erasures.user_id is 'Whose status is meant, with its reactions; null is the message itself.';
comment on column chatschema.deferred_erasures.origin is
    'tombstone: the application deleted a held message. restore: an erasure recorded earlier met a hold when its month was restored.';
comment on column chatschema.deferred_erasures.erased_at is 'When it was to be erased.';
comment on column chatschema.deferred_erasures.recorded_at is 'When it was deferred.';
comment on constraint deferred_erasures_message_id_user_id_key on chatschema.deferred_erasures is 'One row a message, or a message and reader.';
comment on constraint deferred_erasures_origin_check on chatschema.deferred_erasures is 'The two ways an erasure meets a hold.';
comment on index chatschema.deferred_erasures_message_id_user_id_key is 'What is deferred of a message.';
