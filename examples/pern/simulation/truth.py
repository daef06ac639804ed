"""What the database has in the end, read as superuser, and what of it each user may read."""

import dataclasses
import json
from collections import defaultdict
from typing import Any, Self

from examples.pern.stack.postgres import Postgres

Row = dict[str, Any]
MOST_UNREAD = 100

# Answers of the API have milliseconds, as the clocks of browsers.
_AT = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
_BASE64 = "translate(encode({}, 'base64'), e'\\n', '')"
_MESSAGES = f"""
select m.id, m.conversation_id as "conversationId", m.sender_id as "senderId", {_BASE64.format("m.content_encrypted")} as content,
    {_BASE64.format("m.content_nonce")} as nonce, m.content_algorithm as algorithm, m.key_version as "keyVersion",
    m.message_type as type, m.reply_to_id as "replyToId", {_AT.format("m.created_at")} as "createdAt",
    {_AT.format("m.edited_at")} as "editedAt", m.is_deleted as "isDeleted"
from public.messages as m order by m.id desc
"""
_PARTICIPANTS = f"""
select p.conversation_id, p.user_id, p.role, p.left_at is not null as has_left, p.last_read_message_id, p.key_version,
    {_BASE64.format("p.encrypted_key")} as wrapped,
    {_AT.format("coalesce(p.reads_from, date_trunc('milliseconds', p.joined_at))")} as since,
    chatschema.uuid7_floor(coalesce(p.reads_from, p.joined_at)) as since_id, u.username, u.display_name
from public.conversation_participants as p join public.users as u on u.id = p.user_id order by p.user_id
"""
_CONVERSATIONS = "select c.id, c.type, c.title, c.current_key_version from public.conversations as c where c.deleted_at is null"
_STATUSES = "select s.message_id, s.user_id, s.reactions from public.message_statuses as s where s.reactions <> '{}'"
# A message that was stored while its sender was out: by the times at which both wrote their events, and not within a second of
# leaving, where a transaction may have begun before.
_MISPLACED = """
select e.row_id as id, e.conversation_id, e.recorded_at, l.recorded_at as left_at
from chatschema.events as e
join public.messages as m on m.id = e.row_id
join lateral (
    select p.kind, p.recorded_at from chatschema.events as p
    where p.conversation_id = e.conversation_id and p.user_id = m.sender_id and p.kind in ('participant.added', 'participant.left')
        and p.recorded_at < e.recorded_at
    order by p.recorded_at desc limit 1
) as l on l.kind = 'participant.left' and e.recorded_at > l.recorded_at + interval '1 second'
where e.kind = 'message.sent'
union all
select m.id, m.conversation_id, m.created_at, null from public.messages as m
where m.sender_id is not null and not exists (
    select from public.conversation_participants as p where p.conversation_id = m.conversation_id and p.user_id = m.sender_id
)
"""


@dataclasses.dataclass(frozen=True)
class Truth:
    """The rows: messages newest first, with their reactions; participants by conversation."""

    messages: dict[str, Row]
    by_conversation: dict[str, list[Row]]
    participants: dict[str, list[Row]]
    conversations: dict[str, Row]
    misplaced: list[Row]

    @classmethod
    def read(cls, primary: Postgres) -> Self:
        """Read all of it as superuser."""
        reactions: dict[str, list[Row]] = defaultdict(list)
        for row in _rows(primary, _STATUSES):
            reactions[row["message_id"]].append({"userId": row["user_id"], "reactions": row["reactions"]})
        messages = [{**row, "reactions": reactions[row["id"]]} for row in _rows(primary, _MESSAGES)]
        conversations = {row["id"]: row for row in _rows(primary, _CONVERSATIONS)}
        misplaced = _rows(primary, _MISPLACED)
        participants = _grouped(_rows(primary, _PARTICIPANTS), "conversation_id")
        return cls(
            {row["id"]: row for row in messages}, _grouped(messages, "conversationId"), participants, conversations, misplaced
        )

    def places(self, user_id: str) -> dict[str, Row]:
        """Return the conversations of a user, with the user's row."""
        return {
            id: row
            for id, rows in self.participants.items()
            for row in rows
            if row["user_id"] == user_id and not row["has_left"] and id in self.conversations
        }

    def readable(self, user_id: str, conversation_id: str) -> list[Row]:
        """Return the messages that a member may read, newest first: from joining on, and the member's own."""
        since = self.places(user_id)[conversation_id]["since"]
        rows = self.by_conversation.get(conversation_id, [])
        return [row for row in rows if row["createdAt"] >= since or row["senderId"] == user_id]

    def page(self, user_id: str, conversation_id: str) -> list[Row]:
        """Return what the API must answer: those messages, with the reactions that the member may see."""
        since_id = self.places(user_id)[conversation_id]["since_id"]
        return [
            {**row, "reactions": [one for one in row["reactions"] if row["id"] >= since_id or one["userId"] == user_id]}
            for row in self.readable(user_id, conversation_id)
        ]

    def conversation(self, user_id: str, id: str) -> Row:
        """Return a conversation as the API must answer."""
        own, conversation, page = self.places(user_id)[id], self.conversations[id], self.page(user_id, id)
        mark = own["last_read_message_id"] or own["since_id"]
        unread = sum(1 for row in page if row["id"] > mark and row["senderId"] != user_id and not row["isDeleted"])
        members = [
            {
                "userId": row["user_id"], "username": row["username"], "displayName": row["display_name"], "role": row["role"],
                "hasLeft": row["has_left"], "lastReadMessageId": row["last_read_message_id"], "keyVersion": row["key_version"],
            }
            for row in self.participants[id]
        ]  # fmt: skip
        return {
            "id": id, "type": conversation["type"], "title": conversation["title"],
            "keyVersion": conversation["current_key_version"],
            "wrappedKeys": own["wrapped"], "wrappedKeysVersion": own["key_version"], "members": members, "readsFrom": own["since"],
            "unread": min(unread, MOST_UNREAD), "lastMessage": page[0] if page else None,
        }  # fmt: skip


def _rows(primary: Postgres, query: str) -> list[Row]:
    return [json.loads(line) for line in primary.sql(f"select to_json(r) from ({query}) as r", "chat").splitlines()]


def _grouped(rows: list[Row], key: str) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row[key]].append(row)
    return grouped
