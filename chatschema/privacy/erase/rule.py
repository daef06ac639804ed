"""Which rows belong to a subject: the conditions by which an erasure finds them, in tables, detached months and archives."""

from dataclasses import dataclass

from psycopg import sql

from chatschema.privacy.subject import Subject


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions on messages as m, message_statuses as s and attachments as a; {id} is the subject."""

    messages: sql.SQL
    statuses: sql.SQL
    files: sql.SQL


_RULES = {
    "user": Rule(sql.SQL("m.sender_id = {id}"), sql.SQL("s.user_id = {id}"), sql.SQL("a.uploader_id = {id}")),
    "conversation": Rule(
        sql.SQL("m.conversation_id = {id}"), sql.SQL("s.conversation_id = {id}"), sql.SQL("a.conversation_id = {id}")
    ),
    # A file that was released with its month still names its message elsewhere.
    "message": Rule(
        sql.SQL("m.id = {id}"),
        sql.SQL("s.message_id = {id}"),
        sql.SQL("""(
            a.message_id = {id}
            or a.id in (select r.attachment_id from chatschema.released_attachments as r where r.message_id = {id})
        )"""),
    ),
}


def messages(subject: Subject) -> sql.Composed:
    """Return the condition for messages of the subject, as m."""
    return _RULES[subject.kind].messages.format(id=sql.Literal(subject.id))


def statuses(subject: Subject) -> sql.Composed:
    """Return the condition for statuses of the subject, as s."""
    return _RULES[subject.kind].statuses.format(id=sql.Literal(subject.id))


def files(subject: Subject) -> sql.Composed:
    """Return the condition for attachments of the subject, as a."""
    return _RULES[subject.kind].files.format(id=sql.Literal(subject.id))
