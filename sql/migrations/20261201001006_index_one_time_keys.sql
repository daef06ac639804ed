-- user_public_keys: index on the one-time keys that are not used yet.
-- Why: a claim takes the oldest of them, and those that were used stay in the table, so that no key is published twice.
-- Risk: writers of user_public_keys do not wait while the index is built; then share on the table for a moment.
-- online: index
create index idx_user_public_keys_one_time on public.user_public_keys (user_id, id)
    where key_type = 'one_time_prekey' and status = 'active';
comment on index public.idx_user_public_keys_one_time is 'The oldest one-time key of a user: chatschema.claim_one_time_key().';
