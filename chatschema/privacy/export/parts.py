"""Which rows of which table belong to a person, and which file of the export they go to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.values import TABLES

# provided: what the person gave (Art. 20 GDPR). all: also what was recorded about the person (Art. 15).
Scope = Literal["provided", "all"]
SCOPES: tuple[Scope, ...] = ("provided", "all")


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a table that are the person's, where `where` holds for {subject}; `file` without its ending.

    `also` are columns that the person gets although they are secret, `own` those that only whoever created the row gets.
    `only`: the columns, where it is not all of them; `never`: columns that say nothing about the person. `mixed`: columns with JSON
    that may name others. `months`: whether the rows are in months, some of which may be detached.
    """

    file: str
    table: str
    scope: Scope
    where: str
    order: str
    what: str
    also: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    months: bool = False


_PARTS = (
    Part("profile", "users", "provided", "id = {subject}", "id", "the account"),
    Part("keys", "user_public_keys", "provided", "user_id = {subject}", "id", "public keys of the person's devices"),
    Part(
        "memberships", "conversation_participants", "provided", "user_id = {subject}", "conversation_id",
        "conversations the person takes or took part in, with the conversation keys wrapped for the person",
        also=("encrypted_key", "key_nonce"),
    ),
    Part(
        "conversations", "conversations", "provided",
        "id in (select p.conversation_id from public.conversation_participants as p where p.user_id = {subject})", "id",
        "these conversations; name, picture and settings only of those that the person started",
        own=("title", "avatar_url", "settings"), mixed=("settings",),
    ),
    Part("messages", "messages", "provided", "sender_id = {subject}", "id", "messages the person sent, as ciphertext", months=True),
    Part(
        "reactions", "message_statuses", "provided", "user_id = {subject} and cardinality(reactions) > 0", "message_id",
        "the person's reactions to messages", only=("message_id", "conversation_id", "reactions", "reacted_at"), months=True,
    ),
    Part(
        "statuses", "message_statuses", "all", "user_id = {subject}", "message_id",
        "when messages of others reached the person and were read", months=True,
    ),
    Part(
        "attachments", "attachments", "provided", "uploader_id = {subject}", "id",
        "files the person uploaded; the stored bytes are in the store",
    ),
    Part("sessions", "auth_sessions", "all", "user_id = {subject}", "id", "sign-ins, with device and address"),
    Part(
        "audit", "audit_logs", "all",
        "(user_id = {subject} or resource_id = {subject}::text or details::text like '%' || {subject} || '%')", "id",
        "entries of the audit trail by or about the person; address and client only of the person's own entries",
        own=("ip_address", "user_agent", "session_id", "request_id"), never=("recorded_by", "txid", "pii_digest"),
        mixed=("details",),
    ),
)  # fmt: skip
# Tables of a team's own with a foreign key to users.
_REFERENCES = """
    select c.relname, array_agg(distinct a.attname::text order by a.attname::text)
    from pg_catalog.pg_constraint as k
    join pg_catalog.pg_class as c on c.oid = k.conrelid
    join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    where k.contype = 'f' and k.confrelid = 'public.users'::regclass and c.relnamespace = 'public'::regnamespace
        and not c.relispartition and cardinality(k.conkey) = 1
    group by c.relname order by c.relname
"""
# Columns with the id of a user, besides those with a foreign key to users.
_PEOPLE = {"sender_id", "user_id", "deleted_by", "uploader_id", "created_by", "direct_user_low", "direct_user_high"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of an export, and the columns that hold the id of a user."""

    parts: tuple[Part, ...]
    people: frozenset[str] = field(default_factory=frozenset)


def plan(connection: Connection, scope: Scope) -> Plan:
    """Return the parts of an export in this scope: of the nine tables, and of others that refer to users."""
    references = dict(postgres.fetch_all(connection, _REFERENCES))
    parts = [part for part in _PARTS if part.scope == "provided" or scope == "all"]
    if scope == "all":
        parts = [part for part in parts if part.file != "reactions"]  # the statuses have them
    parts += [_own(table, columns) for table, columns in references.items() if table not in TABLES]
    return Plan(tuple(parts), frozenset(_PEOPLE.union(*references.values())))


def _own(table: str, columns: Sequence[str]) -> Part:
    where = " or ".join(sql.Identifier(column).as_string() + " = {subject}" for column in columns)
    return Part(table, table, "provided", f"({where})", columns[0], f"rows of {table} that refer to the person")
