"""What each row of the page means in SQL: files, the trail and views."""

from collections.abc import Callable

from tests.support.access import world
from tests.support.access.actions import CONVERSATIONS, NEW, USERS, Action, Make, Self, X, delete, select, update, write
from tests.support.access.functions import FUNCTIONS
from tests.support.access.messages import MESSAGES, PARTICIPANTS, STATUSES, A
from tests.support.access.world import GROUP, id_of


def _file(kind: int, letter: str = "me") -> Callable[[Self], str]:
    return lambda s: f"id = '{id_of(kind, s.letter if letter == 'me' else letter)}'"


def _upload(message: Callable[[Self], str], uploader: Callable[[Self], str]) -> Make:
    return write(
        A, lambda _: f"id = '{NEW}'",
        lambda s: f"insert into {A} (id, message_id, conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        f" values ('{NEW}', {message(s)}, '{GROUP}', '{uploader(s)}', 'new', 1, sha256('new'), 'box')",
    )  # fmt: skip


def _entry(returning: str = "") -> Make:
    return lambda s: Action(
        "public.audit_logs", "action = 'new'",
        (f"insert into public.audit_logs (user_id, action, details) values ('{s.me}', 'new', '{{}}'){returning}",), "",
    )  # fmt: skip


REST: dict[tuple[str, str], Make] = {
    ("attachments", "select an own attachment"): select(A, _file(world.FILE)),
    ("attachments", "select an attachment of another"): select(A, _file(world.FILE, "x")),
    ("attachments", "select an attachment from before joining"): select(A, _file(world.FILE, "n")),
    ("attachments", "select an attachment of another that was not sent"): select(A, _file(world.UNSENT_FILE, "x")),
    ("attachments", "insert on an own message"): _upload(lambda s: f"'{s.own_bare}'", lambda s: s.me),
    ("attachments", "insert on no message"): _upload(lambda _: "null", lambda s: s.me),
    ("attachments", "insert on a message of another"): _upload(lambda s: f"'{s.world.messages['x2']}'", lambda s: s.me),
    ("attachments", "insert as another"): _upload(lambda s: f"'{s.world.messages['x2']}'", lambda _: X),
    ("attachments", "attach an own file to an own message"): update(A, _file(world.UNSENT_FILE), lambda s: f"message_id = '{s.own_bare}'"),
    ("attachments", "attach an own file to a message of another"): update(
        A, _file(world.UNSENT_FILE), lambda s: f"message_id = '{s.world.messages['x2']}'"),
    ("attachments", "release a quarantined file"): update(A, _file(world.BAD_FILE), lambda _: "state = 'ready'"),
    ("attachments", "delete an own attachment"): delete(A, _file(world.UNSENT_FILE)),
    ("audit_logs", "select an entry"): select("public.audit_logs", "action = 'user.login'"),
    ("audit_logs", "insert an entry"): _entry(),
    ("audit_logs", "insert an entry and read it back"): _entry(" returning id, txid"),
    ("audit_logs", "delete an entry"): delete("public.audit_logs", lambda _: "action = 'user.login'", key=""),
    ("views and other tables", "select oneself in people"): select("chatschema.people", lambda s: f"id = '{s.me}'"),
    ("views and other tables", "select another in people"): select("chatschema.people", f"id = '{X}'"),
    ("views and other tables", "update people"): write(
        "public.users", lambda s: f"id = '{s.me}'", lambda s: f"update chatschema.people set display_name = 'x' where id = '{s.me}'"),
    ("views and other tables", "insert into people"): write(
        "public.users", lambda _: f"id = '{NEW}'", lambda _: f"insert into chatschema.people (id, username) values ('{NEW}', 'somebody')"),
    ("views and other tables", "select an own membership"): select(
        "chatschema.memberships", lambda s: f"(conversation_id, user_id) = ('{GROUP}', '{s.me}')"),
    ("views and other tables", "select a membership of another"): select("chatschema.memberships", f"user_id = '{X}'"),
    ("views and other tables", "select a message from its month"): lambda s: Action(s.world.month, f"id = '{s.own}'"),
    ("views and other tables", "record an erasure"): write(
        "chatschema.erasures", lambda _: f"subject_id = '{NEW}'",
        lambda _: f"insert into chatschema.erasures (subject_type, subject_id) values ('message', '{NEW}')", key=""),
    ("views and other tables", "select an event from its table"): select("chatschema.events", "kind = 'key.published'"),
}  # fmt: skip
ACTIONS: dict[tuple[str, str], Make] = {**USERS, **CONVERSATIONS, **PARTICIPANTS, **MESSAGES, **STATUSES, **REST, **FUNCTIONS}
