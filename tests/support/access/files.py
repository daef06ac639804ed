"""What each row of the page means in SQL: files, the trail, views and functions."""

from collections.abc import Callable

from tests.support.access import world
from tests.support.access.actions import CONVERSATIONS, NEW, USERS, Action, Make, Self, X, delete, select, update, write
from tests.support.access.messages import MESSAGES, PARTICIPANTS, STATUSES, A, S
from tests.support.access.world import GROUP, id_of, user


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


def _by_page(name: str) -> Make:
    return lambda s: Action(f"chatschema.page('{GROUP}')", f"id = '{s.world.messages[name]}'")


def _created(kind: str, where: str) -> Make:
    return write(
        "public.conversations", lambda s: where.format(me=s.me),
        lambda s: f"select chatschema.create_conversation('{s.me}', array['{user('n')}']::uuid[], '{kind}', {repr('made') if kind == 'group' else 'null'})",
        key="",
    )  # fmt: skip


def _reacted(way: str, message: str, reader: Callable[[Self], str]) -> Make:
    return write(
        S, lambda s: f"(message_id, user_id) = ('{s.world.messages[message]}', '{reader(s)}')",
        lambda s: f"select chatschema.{way}_reaction('{s.world.messages[message]}', '{reader(s)}', 'liked')", key="",
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
    ("views and functions", "select oneself in people"): select("chatschema.people", lambda s: f"id = '{s.me}'"),
    ("views and functions", "select another in people"): select("chatschema.people", f"id = '{X}'"),
    ("views and functions", "update people"): write(
        "public.users", lambda s: f"id = '{s.me}'", lambda s: f"update chatschema.people set display_name = 'x' where id = '{s.me}'"),
    ("views and functions", "insert into people"): write(
        "public.users", lambda _: f"id = '{NEW}'", lambda _: f"insert into chatschema.people (id, username) values ('{NEW}', 'somebody')"),
    ("views and functions", "select an own membership"): select(
        "chatschema.memberships", lambda s: f"(conversation_id, user_id) = ('{GROUP}', '{s.me}')"),
    ("views and functions", "select a membership of another"): select("chatschema.memberships", f"user_id = '{X}'"),
    ("views and functions", "select a message of another by page()"): _by_page("x"),
    ("views and functions", "select a message from before joining by page()"): _by_page("old"),
    ("views and functions", "select a message from its month"): lambda s: Action(s.world.month, f"id = '{s.own}'"),
    ("views and functions", "add a reaction with add_reaction()"): _reacted("add", "x2", lambda s: s.me),
    ("views and functions", "add a reaction of another with add_reaction()"): _reacted("add", "x2", lambda _: user("e")),
    ("views and functions", "add a reaction to a foreign message with add_reaction()"): _reacted("add", "y2", lambda s: s.me),
    ("views and functions", "remove an own reaction with remove_reaction()"): _reacted("remove", "x", lambda s: s.me),
    ("views and functions", "remove a reaction of another with remove_reaction()"): _reacted("remove", "x", lambda _: user("e")),
    ("views and functions", "create a group with create_conversation()"): _created("group", "created_by = '{me}' and title = 'made'"),
    ("views and functions", "create a direct conversation with create_conversation()"): _created(
        "direct", "created_by = '{me}' and type = 'direct'"),
    ("views and functions", "record an erasure"): write(
        "chatschema.erasures", lambda _: f"subject_id = '{NEW}'",
        lambda _: f"insert into chatschema.erasures (subject_type, subject_id) values ('message', '{NEW}')", key=""),
    ("views and functions", "select an event with events_after()"): select("chatschema.events_after(null)", "kind = 'key.published'"),
    ("views and functions", "select an event from its table"): select("chatschema.events", "kind = 'key.published'"),
    ("views and functions", "select the position with written_lsn()"): select("chatschema.written_lsn()", "true"),
}  # fmt: skip
ACTIONS: dict[tuple[str, str], Make] = {**USERS, **CONVERSATIONS, **PARTICIPANTS, **MESSAGES, **STATUSES, **REST}
