"""attachments: the files behind image, file and audio messages, and two uploads that were never sent."""

from typing import Any

from nacl.secret import SecretBox

from chatschema.seed import World

NEEDS = ("messages",)
MIME_TYPES = {"image": "image/webp", "file": "application/pdf", "audio": "audio/ogg"}


def seed(world: World) -> None:
    """The stored files do not exist; name and hash are invented, and the name is encrypted like a message."""
    messages = world.fetch(
        "select m.id, m.conversation_id, m.sender_id, m.message_type, m.created_at from public.messages as m"
        " join chatschema.seeded_rows as s on s.table_name = 'messages' and s.key[1] = m.id::text"
        " where m.message_type in ('image', 'file', 'audio') and not m.is_deleted order by m.id"
    )
    rows = [_file(world, *message) for message in messages]
    unsent = [_file(world, *message) for message in messages[:2]]
    rows += [{**row, "message_id": None, "state": "pending"} for row in unsent]
    world.insert("attachments", rows)


def _file(world: World, message_id: Any, conversation_id: Any, sender_id: Any, kind: str, said: Any) -> dict[str, Any]:
    id = world.uuid7(said)
    box = SecretBox(world.secret("conversation key", conversation_id))
    # Nonce and ciphertext in one, as PyNaCl has it.
    name = box.encrypt(world.fake.file_name(category=kind if kind != "file" else "office").encode(), world.random.randbytes(24))
    return {
        "id": id,
        "message_id": message_id,
        "conversation_id": conversation_id,
        "uploader_id": sender_id,
        "storage_provider": "s3",
        "storage_key": f"{conversation_id}/{id}",
        "file_name_encrypted": bytes(name),
        "mime_type": MIME_TYPES[kind],
        "size_bytes": world.random.randint(10_000, 4_000_000),
        "sha256": world.random.randbytes(32),
        "encryption_algorithm": "xsalsa20-poly1305",
        "key_version": 1,
        "state": "ready",
        "created_at": said,
        "updated_at": said,
    }
