"""Rows to begin with: a user, a conversation, a message."""

from tests.support.database import Database


def add_user(db: Database, name: str) -> object:
    return db.one("insert into public.users (username) values (%s) returning id", name)


def add_conversation(db: Database) -> tuple[object, object]:
    user = add_user(db, "alice")
    conversation = db.one("insert into public.conversations (created_by) values (%s) returning id", user)
    add_participant(db, user, conversation)
    return user, conversation


def add_participant(db: Database, user: object, conversation: object) -> None:
    db.run(
        "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s) on conflict do nothing",
        conversation, user,
    )  # fmt: skip


def add_message(db: Database, user: object, conversation: object, extra: str = "", *params: object) -> object:
    columns, values = (", " + extra, ", %s" * len(params)) if extra else ("", "")
    return db.one(
        f"insert into public.messages (conversation_id, sender_id, content_encrypted{columns}) values (%s, %s, 'x'{values}) returning id",
        conversation, user, *params,
    )  # fmt: skip
