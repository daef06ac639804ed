alter table public.message_statuses drop constraint message_statuses_reaction_keys_check,
    add constraint message_statuses_reactions_check check (cardinality(reactions) <= 20 and array_position(reactions, null) is null);
comment on constraint message_statuses_reactions_check on public.message_statuses is 'At most 20, none of them null.';
