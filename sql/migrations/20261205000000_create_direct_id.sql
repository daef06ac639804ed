-- functions: direct_id(), the id that a direct conversation has by its two users; and the default of new conversations' ids.
-- Why: once conversations are spread over several servers, only the primary key can keep a second conversation of the same two users away.
-- Risk: new functions only; takes no lock on existing data.

-- RFC 9562 section 5.8, version 8. The bytes, so that an application can compute the id itself: SHA-256 of the 16 bytes of the smaller
-- id followed by the 16 bytes of the greater one (the same twice for notes to self); of the 32 bytes of the digest the first 16, in
-- which the upper half of byte 6 (from 0) is 8, the version, and the two upper bits of byte 8 are 10, the variant.
create function chatschema.direct_id(one uuid, other uuid) returns uuid
    language sql immutable strict parallel safe
as $$
    select encode(set_byte(set_byte(d.digest, 6, (get_byte(d.digest, 6) & 15) | 128), 8, (get_byte(d.digest, 8) & 63) | 128), 'hex')::uuid
    from (select substr(sha256(uuid_send(least(one, other)) || uuid_send(greatest(one, other))), 1, 16)) as d (digest)
$$;
comment on function chatschema.direct_id(uuid, uuid) is
    'The id of the direct conversation of two users, in either order: a UUIDv8 of the SHA-256 of the smaller id followed by the greater one.';

-- The trigger cannot see whether an id was given or is the default; so the default leaves a note, until the end of the transaction.
create function chatschema.new_conversation_id() returns uuid
    language plpgsql volatile
as $$
begin
    return set_config('chatschema.new_conversation_id', chatschema.uuid7()::text, true)::uuid;
end
$$;
comment on function chatschema.new_conversation_id() is
    'Default of conversations.id: a UUIDv7, noted for conversations_set_direct_id, which replaces it in a new direct conversation.';

-- Nothing is revoked from PUBLIC: whoever inserts a conversation evaluates its default. Where the roles are applied, sql/roles/app.sql counts.
