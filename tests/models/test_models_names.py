"""The names of models and relations, and which columns triggers fill."""

import re

import pytest

from chatschema.models import naming, types
from chatschema.models.filled import filled
from tests.support.database import Database

# In the body of a trigger function: new.x := ..., and select ... into new.x.
_SET = re.compile(r"\bnew\.(\w+) :=|\binto new\.(\w+)")


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("users", "User"), ("message_statuses", "MessageStatus"), ("audit_logs", "AuditLog"), ("auth_sessions", "AuthSession"),
        ("user_public_keys", "UserPublicKey"), ("conversations", "Conversation"), ("replies", "Reply"), ("addresses", "Address"),
        ("boxes", "Box"), ("matches", "Match"), ("news_items", "NewsItem"), ("status", "Status"), ("analysis", "Analysis"), ("bus", "Bus"),
        ("two words", "TwoWord"), ("größen", "Größen"), ("2fast", "T2fast"), ("polls", "Poll"), ("Orders", "Order"), ("s", "S"), ("__", "Table"),
    ],
)  # fmt: skip
def test_a_table_as_a_class(table: str, name: str) -> None:
    assert naming.class_name(table) == name


@pytest.mark.parametrize(
    ("table", "column", "parent", "is_one", "name"),
    [
        ("user_public_keys", "user_id", "users", False, "publicKeys"),
        ("conversation_participants", "user_id", "users", False, "conversationParticipants"),
        ("conversation_participants", "conversation_id", "conversations", False, "participants"),
        ("conversation_participants", "public_key_id", "user_public_keys", False, "conversationParticipants"),
        ("messages", "sender_id", "users", False, "messagesBySender"),
        ("messages", "reply_to_id", "messages", False, "messagesByReplyTo"),
        ("attachments", "message_id", "messages", True, "attachment"),
        ("conversations", "created_by", "users", False, "conversationsByCreatedBy"),
    ],
)
def test_the_rows_that_refer_to_a_row(table: str, column: str, parent: str, is_one: bool, name: str) -> None:
    assert naming.children(table, (column,), parent, is_one=is_one) == name


@pytest.mark.parametrize(
    ("check", "labels"),
    [
        ("CHECK ((status = ANY (ARRAY['sent'::text, 'it''s'::text])))", ("sent", "it's")),
        ("CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))", ("a", "b")),
        ("CHECK ((lower(status) = ANY (ARRAY['sent'::text])))", ()),
        ("CHECK ((other = ANY (ARRAY['sent'::text])))", ()),
        ("CHECK (((status = ANY (ARRAY['a'::text])) OR (status IS NULL)))", ()),
        ("CHECK ((status = ANY (ARRAY['a'::text, lower('B'::text)])))", ()),
        ("CHECK ((status = ANY (ARRAY[E'a\\\\b'::text])))", ()),
        ("CHECK ((status <> ALL (ARRAY['a'::text])))", ()),
        ("CHECK ((status = ANY (ARRAY['a'::text]))) NO INHERIT", ()),
    ],
)
def test_the_values_that_a_check_allows(check: str, labels: tuple[str, ...]) -> None:
    assert types.allowed("status", check) == labels


def test_what_the_comments_say_about_triggers_is_what_their_functions_do(migrated: Database) -> None:
    columns = migrated.all(
        """select c.relname, a.attname, coalesce(col_description(c.oid, a.attnum), ''), a.attnotnull and not a.atthasdef and a.attidentity = ''
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"""
    )
    bodies = migrated.all(
        """select c.relname, p.prosrc, t.tgtype & 4 <> 0 from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
        where c.relnamespace = 'public'::regnamespace and not t.tgisinternal and t.tgtype & 2 <> 0"""
    )
    changed = {(table, name) for table, body, _ in bodies for found in _SET.findall(body) for name in found if name}
    inserted = {
        (table, name) for table, body, is_insert in bodies if is_insert for found in _SET.findall(body) for name in found if name
    }
    declared = {(table, name): how for table, name, comment, _ in columns if (how := filled(table, name, comment))}
    assert {key for key, how in declared.items() if how == "if left out"} == {
        ("message_statuses", "conversation_id"),
        ("attachments", "conversation_id"),
    }
    # A comment that no function keeps would make a column optional that is not.
    assert {key for key, how in declared.items() if how == "if left out"} <= inserted
    assert {key for key, how in declared.items() if how == "always"} <= changed
    # A column that must not be null and has no default, and is filled: nobody has to send it.
    needed = {(table, name) for table, name, _, is_required in columns if is_required}
    assert needed & inserted == {
        ("message_statuses", "conversation_id"),
        ("attachments", "conversation_id"),
        ("audit_logs", "pii_digest"),
    }
    assert needed & inserted <= set(declared)
    # Whatever a trigger sets in every row is replaced.
    assert {
        key for key in changed if key[1] in ("updated_at", "recorded_at", "recorded_by", "txid", "pii_salt", "pii_digest")
    } <= set(declared)


def test_a_phrase_with_a_condition_declares_nothing() -> None:
    assert filled("t", "c", "First moment: set by a trigger if the conversation is new.") == ""
    assert filled("t", "c", "Set by a trigger if left out.") == "if left out"
    assert filled("t", "c", "When it arrived; cannot be chosen.") == "always"
    assert filled("t", "c", "") == ""


def test_the_triggers_that_stand_for_foreign_keys_are_about_messages(migrated: Database) -> None:
    """What the catalog is read for by their names: the argument names the column, and the parent is public.messages."""
    bodies = dict(migrated.all("select proname, prosrc from pg_proc where proname in ('require_message', 'require_messages')"))
    assert set(bodies) == {"require_message", "require_messages"}
    assert all("from public.messages as m" in body for body in bodies.values())
    assert "tg_argv[0]" in bodies["require_message"]
    assert re.search(r"m\.id = \w+\.message_id", bodies["require_messages"])
    plain = migrated.all(
        """select tgrelid::regclass::text, tgargs from pg_trigger where tgfoid = 'chatschema.require_messages'::regproc and tgparentid = 0
        and tgrelid in (select oid from pg_class where not relispartition)"""
    )
    assert plain == [("message_statuses", b"")]
