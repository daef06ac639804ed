"""What each row of the page means in SQL: participants, messages and statuses."""

from collections.abc import Callable

from tests.support.access import world
from tests.support.access.actions import NEW, Action, Make, Self, X, delete, select, update, write
from tests.support.access.world import FOREIGN, GROUP, user

P = "public.conversation_participants"
M, S, A = "public.messages", "public.message_statuses", "public.attachments"
NEWCOMER = user("n")
TOMBSTONE = "is_deleted = true, deleted_at = now(), deleted_by = '{by}', content_encrypted = null, content_nonce = null, edit_history = '[]'"


def _place(letter: str, conversation: str = GROUP) -> Callable[[Self], str]:
    return lambda s: f"(conversation_id, user_id) = ('{conversation}', '{s.me if letter == 'me' else user(letter)}')"


def _change(letter: str, change: str) -> Make:
    return update(P, _place(letter), lambda _: change, key="user_id")


def _join(conversation: str, who: Callable[[Self], str], more: str = "", values: str = "") -> Make:
    return write(
        P, lambda s: f"(conversation_id, user_id) = ('{conversation}', '{who(s)}')",
        lambda s: f"insert into {P} (conversation_id, user_id{more}) values ('{conversation}', '{who(s)}'{values})", key="user_id",
    )  # fmt: skip


def _found(*rows: str, kind: str = "'group', null, null", one_by_one: bool = False) -> Make:
    """Create a conversation and its participants; {me} and {n} in the rows are users."""

    def make(s: Self) -> Action:
        low, high = sorted((s.me, NEWCOMER))
        values = [f"('{NEW}', {row})".format(me=s.me, n=NEWCOMER) for row in rows]
        head = f"insert into {P} (conversation_id, user_id, role) values "
        create = (
            "insert into public.conversations (id, type, direct_user_low, direct_user_high, created_by)"
            f" values ('{NEW}', {kind.format(low=low, high=high)}, '{s.me}')"
        )
        joins = [head + value for value in values] if one_by_one else [head + ", ".join(values)]
        return Action(P, f"conversation_id = '{NEW}'", (create, *joins), "user_id")

    return make


PARTICIPANTS: dict[tuple[str, str], Make] = {
    (P[7:], text): make
    for text, make in {
        "select the own row": select(P, _place("me")),
        "select the row of another": select(P, _place("x")),
        "found a group, all at once": _found("'{n}', 'member'", "'{me}', 'admin'"),
        "found a group, oneself first": _found("'{me}', 'admin'", "'{n}', 'member'", one_by_one=True),
        "found a group, another first": _found("'{n}', 'admin'", "'{me}', 'admin'", one_by_one=True),
        "found a group without becoming admin": _found("'{me}', 'member'", "'{n}', 'admin'"),
        "add a third to a direct conversation": _found(
            "'{me}', 'member'", "'{n}', 'member'", f"'{user('e')}', 'member'", kind="'direct', '{low}', '{high}'"),
        "found a direct conversation with a role": _found(
            "'{me}', 'admin'", "'{n}', 'member'", kind="'direct', '{low}', '{high}'"),
        "insert a member": _join(GROUP, lambda _: NEWCOMER),
        "insert oneself": _join(GROUP, lambda s: s.me),
        "insert a member who joined before": _join(GROUP, lambda _: NEWCOMER, ", joined_at", ", now() - interval '1 year'"),
        "mute another": _change("x", "muted_until = now()"),
        "promote oneself": _change("me", "role = 'admin'"),
        "promote a member": _change("x", "role = 'admin'"),
        "demote an admin": _change("b", "role = 'member'"),
        "leave": _change("me", "left_at = now()"),
        "remove a member": _change("x", "left_at = now()"),
        "remove a moderator": _change("e", "left_at = now()"),
        "remove an admin": _change("b", "left_at = now()"),
        "take a past member back": _change("p", "left_at = null"),
        "come back": _change("me", "left_at = null"),
        "read the past by joined_at": _change("me", "joined_at = now() - interval '1 year'"),
        "move the own row to a foreign conversation": _change("me", f"conversation_id = '{world.EMPTY}'"),
        "replace the own wrapped key": _change("me", "encrypted_key = '\\x02'"),
        "delete the own row": delete(P, _place("me"), key="user_id"),
        "delete the row of a member": delete(P, _place("x"), key="user_id"),
    }.items()
}  # fmt: skip


def _of(name: str) -> Callable[[Self], str]:
    return lambda s: f"id = '{s.own if name == 'me' else s.world.messages[name]}'"


def _send(conversation: str, sender: Callable[[Self], str]) -> Make:
    return write(
        M, lambda _: f"conversation_id = '{conversation}' and content_encrypted = '\\x77'",
        lambda s: f"insert into {M} (conversation_id, sender_id, message_type, content_encrypted)"
        f" values ('{conversation}', {sender(s)}, {repr('system') if sender(s) == 'null' else repr('text')}, '\\x77')",
    )  # fmt: skip


def _edit(name: str, change: str) -> Make:
    return update(M, _of(name), lambda s: change.format(by=s.me))


MESSAGES: dict[tuple[str, str], Make] = {
    ("messages", text): make
    for text, make in {
        "select an own message": select(M, _of("me")),
        "select a message of another": select(M, _of("x")),
        "select a message from before joining": select(M, _of(world.OLD)),
        "select a message of a foreign conversation": select(M, _of("y")),
        "insert as oneself": _send(GROUP, lambda s: f"'{s.me}'"),
        "insert as another": _send(GROUP, lambda _: f"'{X}'"),
        "insert into a foreign conversation": _send(FOREIGN, lambda s: f"'{s.me}'"),
        "insert a system message without sender": _send(GROUP, lambda _: "null"),
        "edit an own message": _edit("me", "content_encrypted = '\\x78', edited_at = now(), edit_count = edit_count + 1"),
        "edit a message of another": _edit("x", "content_encrypted = '\\x78', edited_at = now(), edit_count = edit_count + 1"),
        "delete an own message": _edit("me", TOMBSTONE),
        "delete a message of another": _edit("x", TOMBSTONE),
        "delete a message of another, leaving its content": _edit(
            "x", "is_deleted = true, deleted_at = now(), deleted_by = '{by}'"
        ),
        "delete a message of another in the name of a third": _edit("x", TOMBSTONE.replace("{by}", user("e"))),
        "delete a message from before joining": _edit(world.OLD, TOMBSTONE),
        "forge a message while deleting it": _edit(
            "x", TOMBSTONE.replace("content_encrypted = null", "content_encrypted = '\\x78'")
        ),
        "take over a message": _edit("x", "sender_id = '{by}'"),
        "restore a deleted message": _edit(world.DELETED, "is_deleted = false, deleted_at = null, content_encrypted = '\\x01'"),
        "hide a message of another by expires_at": _edit("x", "expires_at = now()"),
        "delete the row of an own message": delete(M, _of("me")),
        "delete the row of a message of another": delete(M, _of("x")),
    }.items()
}


def _status(message: Callable[[Self], str], reader: Callable[[Self], str], conversation: str = "", upsert: str = "") -> Make:
    column, value = (", conversation_id", f", '{conversation}'") if conversation else ("", "")
    return write(
        S, lambda s: f"(message_id, user_id) = ('{message(s)}', '{reader(s)}')",
        lambda s: f"insert into {S} (message_id, user_id, status, reactions{column})"
        f" values ('{message(s)}', '{reader(s)}', 'read', '{{new}}'{value}){upsert}", key="user_id",
    )  # fmt: skip


def _move(change: Callable[[Self], str]) -> Make:
    return update(S, lambda s: f"(message_id, user_id) = ('{s.world.messages['x']}', '{s.me}')", change, key="user_id")


UPSERT = " on conflict (message_id, user_id) do update set " + ", ".join(
    f"{name} = excluded.{name}" for name in ("message_id", "user_id", "conversation_id", "status", "reactions", "updated_at")
)
STATUSES: dict[tuple[str, str], Make] = {
    ("message_statuses", text): make
    for text, make in {
        "select an own status": select(S, lambda s: f"(message_id, user_id) = ('{s.world.messages['x']}', '{s.me}')"),
        "select a status of another": select(S, lambda s: f"(message_id, user_id) = ('{s.world.messages['m']}', '{X}')"),
        "select a status from before joining": select(S, lambda s: f"(message_id, user_id) = ('{s.world.messages['old']}', '{X}')"),
        "insert an own status": _status(lambda s: s.world.messages["x2"], lambda s: s.me),
        "insert a status of another": _status(lambda s: s.world.messages["x2"], lambda _: user("e")),
        "insert a status of a message from before joining": _status(lambda s: s.world.messages["old"], lambda s: s.me),
        "insert a status of a foreign message": _status(lambda s: s.world.messages["y2"], lambda s: s.me),
        "insert a status under a false conversation": _status(lambda s: s.world.messages["y2"], lambda s: s.me, GROUP),
        "upsert an own status": _status(lambda s: s.world.messages["x"], lambda s: s.me, upsert=UPSERT),
        "move an own status to another message": _move(lambda s: f"message_id = '{s.world.messages['x2']}'"),
        "move an own status to another user": _move(lambda _: f"user_id = '{user('s')}'"),
        "delete an own status": delete(
            S, lambda s: f"(message_id, user_id) = ('{s.world.messages['x']}', '{s.me}')", key="user_id"
        ),
    }.items()
}
