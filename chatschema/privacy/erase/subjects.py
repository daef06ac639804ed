"""What differs by the kind of a subject: what is counted before, done first and last, and searched for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from psycopg import sql

from chatschema import audit, events, postgres
from chatschema.audit.about import About
from chatschema.postgres import Connection
from chatschema.privacy.erase import account, conversation, holds, rule, steps
from chatschema.privacy.erase.values import Values
from chatschema.privacy.erase.witness import Witness
from chatschema.privacy.subject import Subject
from chatschema.values import Processing

# Tables beside the months in which an erasure changes rows; the last one has the subject's own row, but for a message.
TABLES = {
    "user": ("audit_logs", "attachments", "conversation_participants", "user_public_keys", "auth_sessions", "users"),
    "conversation": ("audit_logs", "attachments", "conversation_participants", "conversations"),
    "message": ("audit_logs", "attachments"),
}
_COUNTS = {
    "messages": ("messages", "select count(*) from {} as m where {} and not m.is_deleted", rule.messages),
    "reactions": ("message_statuses", "select count(*) from {} as s where {} and s.reactions <> '{{}}'", rule.statuses),
    "attachments": ("attachments", "select count(*) from {} as a where {} and a.state <> 'deleted'", rule.files),
}  # fmt: skip
_WRAPPED = "select count(*) from public.conversation_participants where conversation_id = %(id)s and encrypted_key is not null"
_MORE_COUNTS = {
    "user": {
        "sessions": "select count(*) from public.auth_sessions where user_id = %(id)s",
        "public_keys": "select count(*) from public.user_public_keys where user_id = %(id)s",
    },
    "conversation": {"wrapped_keys": _WRAPPED},
    "message": {},
}
_HIDE = sql.SQL("""
    update {table} as m set is_deleted = true, deleted_at = clock_timestamp(), updated_at = clock_timestamp()
    where m.id = {id} and not m.is_deleted
""")
_RECORD = """
    insert into chatschema.erasures (subject_type, subject_id) select %(kind)s, %(id)s
    where not exists (select from chatschema.erasures where subject_type = %(kind)s and subject_id = %(id)s)
"""


def counts(connection: Connection, subject: Subject, months: Mapping[str, Sequence[sql.Composable]]) -> dict[str, int]:
    """Return how many rows an erasure would change, by kind, but for the trail; `months` are the tables of each parent."""
    found = {
        name: sum(
            postgres.fetch_one(connection, sql.SQL(query).format(table, is_meant(subject)))[0]
            for table in months.get(parent, [sql.Identifier("public", parent)])
        )
        for name, (parent, query, is_meant) in _COUNTS.items()
    }
    more = _MORE_COUNTS[subject.kind].items()
    return found | {name: postgres.fetch_one(connection, query, {"id": subject.id})[0] for name, query in more}


def values(connection: Connection, subject: Subject, witnesses: list[Witness]) -> Values:
    """Return what the subject is called, and what must not be left of it."""
    if subject.kind == "user":
        return account.values(connection, subject.id)
    contents = tuple(sorted({content for one in witnesses for content in one.contents}))
    if subject.kind == "message":
        return Values(f"message {subject.id}", bytes=contents)
    return replace(conversation.values(connection, subject.id), bytes=contents)


def about(subject: Subject, found: Values, tables: Sequence[sql.Composable]) -> About:
    """Return which entries of the trail are meant; `tables` are those of messages, attached and detached."""
    return About(subject.kind, subject.id, found.words, tables)


def begin(connection: Connection, subject: Subject, witnesses: list[Witness]) -> None:
    """Take the subject out of use, and record its erasure: a month that is restored meanwhile is restored without its data."""

    def work() -> None:
        if subject.kind == "user":
            account.end(connection, subject.id)
        elif subject.kind == "conversation":
            conversation.close(connection, subject.id)
        else:
            for one in witnesses:
                postgres.execute(connection, _HIDE.format(table=one.changed, id=sql.Literal(subject.id)))
        postgres.execute(connection, _RECORD, {"kind": subject.kind, "id": subject.id})
        record_event(connection, subject, "erasing")

    holds.batch(connection, subject, work)


def record_event(connection: Connection, subject: Subject, what: str) -> None:
    """Write an event about the subject itself: that its erasure began, or ended."""
    conversation_id = subject.id if subject.kind == "conversation" else None
    user_id = subject.id if subject.kind == "user" else None
    table = f"{subject.kind}s"
    events.record(connection, f"{subject.kind}.{what}", table, row=subject.id, conversation=conversation_id, user=user_id)


def secrets(connection: Connection, subject: Subject) -> dict[str, int]:
    """Remove keys and sessions of a person, or the wrapped keys of a conversation; return how many of each."""
    if subject.kind == "user":
        return holds.batch(connection, subject, lambda: account.remove_secrets(connection, subject.id))
    if subject.kind == "message":
        return {}
    count = 0
    while done := holds.batch(connection, subject, lambda: conversation.unwrap(connection, subject.id, steps.BATCH)):
        count += done
    return {"wrapped_keys": count}


def erase(connection: Connection, subject: Subject, witnesses: list[Witness], processing: Processing) -> int:
    """Erase its own row and what was spared; return how many messages. Within the caller's transaction."""
    reserved = processing.reserve_names
    if subject.kind == "user":
        account.erase(connection, subject.id, reserved_months=reserved.months, reserved_days=int(reserved.days))
    elif subject.kind == "conversation":
        conversation.erase(connection, subject.id)
    return sum(_erase_witness(connection, subject.id, subject.kind, one) for one in witnesses)


def _erase_witness(connection: Connection, id: UUID, kind: str, one: Witness) -> int:
    count = steps.erase_messages(connection, one.changed, one.ids)
    audit.record(
        connection, "privacy.erase_batch", "message", str(one.ids[0]), **{f"{kind}_id": id}, last=str(one.ids[-1]), rows=count
    )
    return count
