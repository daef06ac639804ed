-- message_statuses: a reaction has at most 64 characters.
-- Why: the number of reactions was limited and their length was not: one of a megabyte was stored, and sent to every reader.
-- The check has a new name, because a month that is detached now keeps the earlier one.
-- Risk: blocks readers and writers of message_statuses for a moment, without reading rows. A row with a longer one cannot be
-- updated until it is cut: see the next migration.
alter table public.message_statuses drop constraint message_statuses_reactions_check,
    add constraint message_statuses_reaction_keys_check check (
        cardinality(reactions) <= 20 and array_position(reactions, null) is null and reactions = reactions::varchar(64)[]::text[]
    ) not valid;
comment on constraint message_statuses_reaction_keys_check on public.message_statuses is
    'At most 20, none of them null, each of at most 64 characters: the cast cuts a longer one.';
