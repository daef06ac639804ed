"""What each row of the page means in SQL: rows of users, sessions, keys, conversations and participants."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.access import world
from tests.support.access.world import DIRECT, GROUP, World, id_of, user


@dataclass(frozen=True)
class Action:
    """Statements, and the rows on which their effect is looked up: those of `relation` where `where` is true.

    A `select` asks whether such a row is read. `key` is what a write returns. `ran` is the SQLSTATE that proves that a procedure ran.
    """

    relation: str
    where: str
    statements: tuple[str, ...] = ()
    key: str = "id"
    is_of_column: bool = False
    ran: str = ""


@dataclass(frozen=True)
class Self:
    """The user who acts, by letter, in a world."""

    world: World
    letter: str

    @property
    def me(self) -> str:
        """The id of the acting user."""
        return user(self.letter)

    @property
    def own(self) -> str:
        """An own message that has a file."""
        return self.world.messages[self.letter]

    @property
    def own_bare(self) -> str:
        """An own message without a file."""
        return self.world.messages[f"{self.letter}2"]


Make = Callable[[Self], Action]
X = user("x")
NEW = "00000000-0000-7000-8000-00000000ffff"
BYTES = "decode(repeat('07', 32), 'hex')"


def select(relation: str, where: Callable[[Self], str] | str) -> Make:
    return lambda s: Action(relation, where(s) if callable(where) else where)


def write(relation: str, where: Callable[[Self], str], *statements: Callable[[Self], str], key: str = "id") -> Make:
    return lambda s: Action(relation, where(s), tuple(make(s) for make in statements), key)


def update(relation: str, where: Callable[[Self], str], change: Callable[[Self], str], key: str = "id") -> Make:
    """An update of the rows on which its effect is looked up."""
    return write(relation, where, lambda s: f"update {relation} set {change(s)} where {where(s)}", key=key)


def delete(relation: str, where: Callable[[Self], str], key: str = "id") -> Make:
    return write(relation, where, lambda s: f"delete from {relation} where {where(s)}", key=key)


def _new(table: str, columns: str, values: Callable[[Self], str]) -> Make:
    return write(table, lambda _: f"id = '{NEW}'", lambda s: f"insert into {table} (id, {columns}) values ('{NEW}', {values(s)})")


SUBJECTS: dict[tuple[str, str], tuple[str, Callable[[Self], str], str]] = {
    ("users", "update the own row"): ("public.users", lambda s: f"id = '{s.me}'", "id"),
    ("users", "update the row of another"): ("public.users", lambda _: f"id = '{X}'", "id"),
    ("auth_sessions", "update an own session"): ("public.auth_sessions", lambda s: f"id = '{id_of(world.SESSION, s.letter)}'", "id"),
    ("user_public_keys", "update an own key"): ("public.user_public_keys", lambda s: f"id = '{id_of(world.KEY, s.letter)}'", "id"),
    ("user_public_keys", "update an active key of another"): ("public.user_public_keys", lambda _: f"id = '{id_of(world.KEY, 'x')}'", "id"),
    ("conversations", "update the conversation"): ("public.conversations", lambda _: f"id = '{GROUP}'", "id"),
    ("conversations", "update the direct conversation"): ("public.conversations", lambda _: f"id = '{DIRECT}'", "id"),
    ("conversation_participants", "update the own row"): (
        "public.conversation_participants", lambda s: f"(conversation_id, user_id) = ('{GROUP}', '{s.me}')", "user_id"),
    ("conversation_participants", "update the row of a member"): (
        "public.conversation_participants", lambda _: f"(conversation_id, user_id) = ('{GROUP}', '{X}')", "user_id"),
    ("messages", "update an own message"): ("public.messages", lambda s: f"id = '{s.own}'", "id"),
    ("messages", "update a message of another"): ("public.messages", lambda s: f"id = '{s.world.messages['x']}'", "id"),
    ("message_statuses", "update an own status"): (
        "public.message_statuses", lambda s: f"(message_id, user_id) = ('{s.world.messages['x']}', '{s.me}')", "user_id"),
    ("message_statuses", "update a status of another"): (
        "public.message_statuses", lambda s: f"(message_id, user_id) = ('{s.world.messages['m']}', '{X}')", "user_id"),
    ("attachments", "update an own attachment"): ("public.attachments", lambda s: f"id = '{id_of(world.UNSENT_FILE, s.letter)}'", "id"),
    ("attachments", "update an attachment of another"): ("public.attachments", lambda _: f"id = '{id_of(world.UNSENT_FILE, 'x')}'", "id"),
    ("audit_logs", "update an entry"): ("public.audit_logs", lambda _: "action = 'user.login'", "id"),
}  # fmt: skip

USERS: dict[tuple[str, str], Make] = {
    ("users", "select the own row"): select("public.users", lambda s: f"id = '{s.me}'"),
    ("users", "select the row of another"): select("public.users", f"id = '{X}'"),
    ("users", "set the own account_state"): update("public.users", lambda s: f"id = '{s.me}'", lambda _: "account_state = 'deactivated'"),
    ("users", "set the own password_hash"): update("public.users", lambda s: f"id = '{s.me}'", lambda _: "password_hash = 'x'"),
    ("users", "insert a user"): _new("public.users", "username", lambda _: "'somebody'"),
    ("users", "delete the own row"): write(
        "public.users", lambda _: f"id = '{user('n')}'", lambda _: f"delete from public.users where id = '{user('n')}'"),
    ("auth_sessions", "select an own session"): select("public.auth_sessions", lambda s: f"id = '{id_of(world.SESSION, s.letter)}'"),
    ("auth_sessions", "select a session of another"): select("public.auth_sessions", f"id = '{id_of(world.SESSION, 'x')}'"),
    ("auth_sessions", "insert an own session"): _new(
        "public.auth_sessions", "user_id, refresh_token_hash", lambda s: f"'{s.me}', '$2b$12$' || repeat('b', 53)"),
    ("auth_sessions", "delete an own session"): delete("public.auth_sessions", lambda s: f"id = '{id_of(world.SESSION, s.letter)}'"),
    ("user_public_keys", "select an own key"): select("public.user_public_keys", lambda s: f"id = '{id_of(world.ENDED_KEY, s.letter)}'"),
    ("user_public_keys", "select an active key of another"): select("public.user_public_keys", f"id = '{id_of(world.KEY, 'x')}'"),
    ("user_public_keys", "select an ended key of another"): select("public.user_public_keys", f"id = '{id_of(world.ENDED_KEY, 'x')}'"),
    ("user_public_keys", "select a one-time key of another"): select("public.user_public_keys", f"id = '{id_of(world.ONE_TIME_KEY, 'x')}'"),
    ("user_public_keys", "insert an own key"): _new(
        "public.user_public_keys", "user_id, key_type, key_id, public_key", lambda s: f"'{s.me}', 'one_time_prekey', 'new', {BYTES}"),
    ("user_public_keys", "insert a key of another"): _new(
        "public.user_public_keys", "user_id, key_type, key_id, public_key", lambda s: f"'{X if s.me != X else user('m')}', 'one_time_prekey', 'new', {BYTES}"),
    ("user_public_keys", "revoke an own key"): update(
        "public.user_public_keys", lambda s: f"id = '{id_of(world.KEY, s.letter)}'", lambda _: "status = 'revoked', revoked_at = now()"),
    ("user_public_keys", "revive an own ended key"): update(
        "public.user_public_keys", lambda s: f"id = '{id_of(world.ENDED_KEY, s.letter)}'", lambda _: "status = 'used'"),
    ("user_public_keys", "delete an own key"): delete("public.user_public_keys", lambda s: f"id = '{id_of(world.KEY, s.letter)}'"),
}  # fmt: skip

CONVERSATIONS: dict[tuple[str, str], Make] = {
    ("conversations", "select the conversation"): select("public.conversations", f"id = '{GROUP}'"),
    ("conversations", "select a direct conversation of others"): select("public.conversations", f"id = '{DIRECT}'"),
    ("conversations", "insert a group"): _new("public.conversations", "title, created_by", lambda s: f"'new', '{s.me}'"),
    ("conversations", "insert a group as another"): _new("public.conversations", "title, created_by", lambda _: f"'new', '{X}'"),
    ("conversations", "insert a direct conversation with oneself in it"): _new(
        "public.conversations", "type, created_by, direct_user_low, direct_user_high",
        lambda s: f"'direct', '{s.me}', '{min(s.me, user('n'))}', '{max(s.me, user('n'))}'"),
    ("conversations", "insert a direct conversation of two others"): _new(
        "public.conversations", "type, created_by, direct_user_low, direct_user_high",
        lambda s: f"'direct', '{s.me}', '{X}', '{user('n')}'"),
    ("conversations", "open the history"): update(
        "public.conversations", lambda _: f"id = '{GROUP}'", lambda _: "settings = '{\"history\": \"all\"}'"),
    ("conversations", "delete the conversation"): write(
        "public.conversations", lambda _: f"id = '{world.EMPTY}'", lambda _: f"delete from public.conversations where id = '{world.EMPTY}'"),
}  # fmt: skip
