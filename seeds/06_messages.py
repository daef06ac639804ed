"""messages: about three thousand over ten weeks, encrypted; replies, edits, deletions, system messages."""

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from nacl.secret import SecretBox

from chatschema.seed import World

NEEDS = ("conversation_participants",)
OPENINGS = {"alice": "Hi Bob, did the months get created last night?", "bob": "All six of them. And nobody noticed a lock."}


def seed(world: World) -> None:
    """Groups write more than pairs; people write in bursts, by day, and answer recent messages."""
    people = world.fetch(
        "select p.conversation_id, c.type, c.created_at, p.user_id, u.username, k.id"
        " from public.conversation_participants as p join public.conversations as c on c.id = p.conversation_id"
        " join public.users as u on u.id = p.user_id join public.user_public_keys as k on k.id = p.public_key_id"
        " join chatschema.seeded_rows as s on s.table_name = 'conversation_participants'"
        " and s.key = array[p.conversation_id::text, p.user_id::text]"
        " where p.left_at is null order by p.conversation_id, p.user_id"
    )
    conversations: dict[Any, list[Any]] = defaultdict(list)
    for row in people:
        conversations[row[0]].append(row)
    world.insert("messages", _talks(world, conversations))


def _talks(world: World, conversations: dict[Any, list[Any]]) -> Iterator[dict[str, Any]]:
    for conversation_id, members in conversations.items():
        _, kind, started, *_ = members[0]
        box = SecretBox(world.secret("conversation key", conversation_id))
        count = world.random.randint(280, 360) if kind == "group" else world.random.randint(60, 100)
        yield from _talk(world, box, members, _moments(world, started, count))


def _moments(world: World, started: datetime, count: int) -> list[datetime]:
    """Return `count` moments from `started` to an hour ago, in bursts, all different."""
    span = (world.now - started - timedelta(hours=1)).total_seconds()
    bursts = [world.random.uniform(0, span) for _ in range(max(count // 12, 3))]
    # Milliseconds, as the ids have them.
    millis = {round((world.random.choice(bursts) + world.random.expovariate(1 / 240)) * 1000) for _ in range(count)}
    return [started + timedelta(milliseconds=m) for m in sorted(millis) if m < span * 1000]


def _talk(world: World, box: SecretBox, members: list[Any], moments: list[datetime]) -> list[dict[str, Any]]:
    names = {member[4] for member in members}
    rows: list[dict[str, Any]] = []
    for number, said in enumerate(moments):
        speaker = world.random.choice(members)
        text = world.fake.sentence(nb_words=world.random.randint(3, 18))
        if names == {"alice", "bob"} and number < len(OPENINGS):
            speaker = next(member for member in members if member[4] == ("alice", "bob")[number])
            text = OPENINGS[speaker[4]]
        row = _message(world, box, speaker, said, text)
        if rows and world.random.random() < 0.15:
            row["reply_to_id"] = world.random.choice(rows[-10:])["id"]
        rows.append(row)
        chance = world.random.random()
        if number >= len(OPENINGS) and chance < 0.04:
            _edit(world, box, row, text)
        elif number >= len(OPENINGS) and chance < 0.07:
            deleted = said + timedelta(minutes=world.random.randint(1, 50))
            row.update(content_encrypted=None, content_nonce=None, is_deleted=True, deleted_at=deleted, deleted_by=speaker[3])
            row["updated_at"] = deleted
        elif number >= len(OPENINGS) and chance < 0.11:
            row["message_type"] = world.random.choice(("image", "file", "audio"))
    if members[0][1] == "group" and moments:
        rows.append({**_message(world, box, members[0], moments[0] - timedelta(seconds=1), ""), **_SYSTEM})
    return rows


_SYSTEM = {
    "sender_id": None, "sender_key_id": None, "content_encrypted": None, "content_nonce": None,
    "content_algorithm": None, "key_version": None, "message_type": "system",
}  # fmt: skip


def _message(world: World, box: SecretBox, speaker: Any, said: datetime, text: str) -> dict[str, Any]:
    sealed = box.encrypt(text.encode(), world.random.randbytes(SecretBox.NONCE_SIZE))
    return {
        "id": world.uuid7(said),
        "conversation_id": speaker[0],
        "sender_id": speaker[3],
        "content_encrypted": sealed.ciphertext,
        "content_nonce": sealed.nonce,
        "content_algorithm": "xsalsa20-poly1305",
        "key_version": 1,
        "sender_key_id": speaker[5],
        "message_type": "text",
        "reply_to_id": None,
        "edited_at": None,
        "edit_count": 0,
        "edit_history": "[]",
        "is_deleted": False,
        "deleted_at": None,
        "deleted_by": None,
        "created_at": said,
        "updated_at": said,
    }


def _edit(world: World, box: SecretBox, row: dict[str, Any], text: str) -> None:
    edited = row["created_at"] + timedelta(minutes=world.random.randint(1, 30))
    before = {"content": b64encode(row["content_encrypted"]).decode(), "nonce": b64encode(row["content_nonce"]).decode()}
    sealed = box.encrypt((text + " (sorry, typo)").encode(), world.random.randbytes(SecretBox.NONCE_SIZE))
    row.update(content_encrypted=sealed.ciphertext, content_nonce=sealed.nonce, edited_at=edited, edit_count=1)
    row.update(edit_history=json.dumps([before]), updated_at=edited)
