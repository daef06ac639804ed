alter table public.message_statuses drop constraint message_statuses_reaction_keys_check,
    add constraint message_statuses_reaction_keys_check check (
        cardinality(reactions) <= 20 and array_position(reactions, null) is null and reactions = reactions::varchar(64)[]::text[]
    ) not valid;
comment on constraint message_statuses_reaction_keys_check on public.message_statuses is
    'At most 20, none of them null, each of at most 64 characters: the cast cuts a longer one.';
