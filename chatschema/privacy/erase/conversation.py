"""The row of a conversation, and the keys of its participants: closed first, and erased last, as until then it has the title."""

from uuid import UUID

from chatschema import audit, postgres
from chatschema.postgres import Connection
from chatschema.privacy.erase.values import Values

_READ = "select title, avatar_url from public.conversations where id = %s"
_CLOSE = "update public.conversations set deleted_at = clock_timestamp() where id = %s and deleted_at is null"
_ERASE = """
    update public.conversations
    set title = null, avatar_url = null, settings = '{}', deleted_at = coalesce(deleted_at, clock_timestamp())
    where id = %s and (title is not null or avatar_url is not null or settings <> '{}' or deleted_at is null)
"""
_UNWRAP = """
    update public.conversation_participants set encrypted_key = null, key_nonce = null, public_key_id = null
    where (conversation_id, user_id) in (
        select p.conversation_id, p.user_id from public.conversation_participants as p
        where p.conversation_id = %s and (p.encrypted_key is not null or p.key_nonce is not null or p.public_key_id is not null)
        order by p.user_id limit %s
    )
"""


def values(connection: Connection, id: UUID) -> Values:
    """Return what the conversation is called. Others may have the same title: that is shown, and no failure."""
    title, avatar_url = postgres.fetch_one(connection, _READ, (id,))
    return Values(f"conversation {id}", (avatar_url,) if avatar_url else (), shared=(title,) if title else ())


def close(connection: Connection, id: UUID) -> None:
    """Mark the conversation as closed for good; within the caller's transaction."""
    postgres.execute(connection, _CLOSE, (id,))


def unwrap(connection: Connection, id: UUID, limit: int) -> int:
    """Remove wrapped keys of at most `limit` participants; return how many. Within the caller's transaction."""
    count = postgres.execute(connection, _UNWRAP, (id, limit)).rowcount
    if count:
        audit.record(connection, "privacy.erase_batch", "conversation", str(id), wrapped_keys=count)
    return count


def erase(connection: Connection, id: UUID) -> None:
    """Erase title, picture and settings; within the caller's transaction."""
    postgres.execute(connection, _ERASE, (id,))
