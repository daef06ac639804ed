"""What each row of the page means in SQL: the functions that a group may execute."""

from collections.abc import Callable

from tests.support.access import world
from tests.support.access.actions import NEW, Action, Make, Self, X, write
from tests.support.access.messages import P, S
from tests.support.access.world import DIRECT, GROUP, id_of, user

U, SESSIONS, KEYS = "public.users", "public.auth_sessions", "public.user_public_keys"
NEWCOMER, SUSPENDED = user("n"), user("u")
HASH = "'$2b$12$' || repeat('c', 53)"
# What a procedure that ends the transaction answers inside of one: whoever may not call it gets 42501 before.
RAN = "2D000"
Who = Callable[[Self], str]


def _me(s: Self) -> str:
    return s.letter


def _other(s: Self) -> str:
    return "x" if s.letter != "x" else "m"


def _call(relation: str, where: Who, call: Who) -> Make:
    return write(relation, where, lambda s: f"select chatschema.{call(s)}", key="")


def _read(call: Who, where: Who = lambda _: "true") -> Make:
    return lambda s: Action(f"chatschema.{call(s)} as t", where(s))


def _value(call: Who) -> Make:
    return lambda s: Action(f"(select chatschema.{call(s)}) as t (value)", "value is not null")


def _run(call: str) -> Make:
    return lambda _: Action("public.users", "false", (f"call chatschema.{call}",), key="", ran=RAN)


def _by_page(function: str, name: str) -> Make:
    return lambda s: Action(f"chatschema.{function}", f"id = '{s.world.messages[name]}'")


def _reacted(way: str, message: str, reader: Who) -> Make:
    return _call(
        S, lambda s: f"(message_id, user_id) = ('{s.world.messages[message]}', '{reader(s)}')",
        lambda s: f"{way}_reaction('{s.world.messages[message]}', '{reader(s)}', 'liked')",
    )  # fmt: skip


def _created(kind: str, founder: Who, where: str) -> Make:
    return _call(
        "public.conversations", lambda s: where.format(founder=user(founder(s))),
        lambda s: f"create_conversation('{user(founder(s))}', array['{NEWCOMER}']::uuid[], '{kind}', {repr('made') if kind == 'group' else 'null'})",
    )  # fmt: skip


def _for(who: Who) -> dict[str, Make]:
    """The functions about one user: by the words of the page, in which {} is the owner."""

    def id(s: Self) -> str:
        return user(who(s))

    def session(s: Self) -> str:
        return id_of(world.SESSION, who(s))

    return {
        "change the password of {} with change_password()": _call(U, lambda s: f"id = '{id(s)}'", lambda s: f"change_password('{id(s)}', {HASH})"),
        "start a session of {} with start_session()": _call(SESSIONS, lambda s: f"user_id = '{id(s)}'", lambda s: f"start_session('{id(s)}', {HASH})"),
        "rotate a session of {} with rotate_session()": _call(
            SESSIONS, lambda s: f"parent_id = '{session(s)}'", lambda s: f"rotate_session('{session(s)}', {HASH})"),
        "end a session of {} with revoke_session()": _call(
            SESSIONS, lambda s: f"id = '{session(s)}'", lambda s: f"revoke_session('{session(s)}', 'logout')"),
        "end the sessions of {} with revoke_sessions()": _call(
            SESSIONS, lambda s: f"id = '{session(s)}'", lambda s: f"revoke_sessions('{id(s)}', 'logout')"),
        "select a session of {} with sessions_of()": _read(lambda s: f"sessions_of('{id(s)}')"),
        "publish a key of {} with publish_key()": _call(
            KEYS, lambda s: f"user_id = '{id(s)}' and key_id = '{NEW}'",
            lambda s: f"publish_key('{id(s)}', '{id(s)}', 'identity', '{NEW}', decode(repeat('07', 32), 'hex'))"),
        "revoke a device of {} with revoke_device()": _call(
            KEYS, lambda s: f"id = '{id_of(world.KEY, who(s))}'", lambda s: f"revoke_device('{id(s)}', '{id(s)}')"),
    }  # fmt: skip


def _claim(whose: str) -> Make:
    return _call(
        KEYS,
        lambda _: f"id = '{id_of(world.ONE_TIME_KEY, whose)}'",
        lambda _: f"claim_one_time_key('{user(whose)}', '{user(whose)}')",
    )


def _share(whom: Who) -> Make:
    return _call(
        P,
        lambda s: f"(conversation_id, user_id) = ('{GROUP}', '{whom(s)}')",
        lambda s: f"share_key('{GROUP}', '{whom(s)}', '\\x07', 2, 'box')",
    )


FUNCTIONS: dict[tuple[str, str], Make] = {
    ("functions", text): make
    for text, make in {
        **{
            words.format(whose): make
            for whose, who in (("oneself", _me), ("another", _other))
            for words, make in _for(who).items()
        },
        "select a user and the hash with find_login()": _read(lambda _: "find_login('user-x')", lambda _: f"user_id = '{X}'"),
        "select the hash of a token with session_hash()": _value(lambda _: f"session_hash('{id_of(world.SESSION, 'x')}')"),
        "register a user with register_user()": _call(U, lambda _: "username = 'somebody'", lambda _: f"register_user('somebody', {HASH})"),
        "claim a one-time key of another with claim_one_time_key()": _claim("e"),
        "claim a one-time key of a suspended user with claim_one_time_key()": _claim("u"),
        "share a key with oneself with share_key()": _share(lambda s: s.me),
        "share a key with a member with share_key()": _share(lambda _: user("e")),
        "share a key with a user of another conversation with share_key()": _share(lambda _: user("y")),
        "create a group with create_conversation()": _created("group", _me, "created_by = '{founder}' and title = 'made'"),
        "create a direct conversation with create_conversation()": _created("direct", _me, "created_by = '{founder}' and type = 'direct'"),
        "create a group of another with create_conversation()": _created("group", _other, "created_by = '{founder}' and title = 'made'"),
        "select a message of another with page()": _by_page(f"page('{GROUP}')", "x"),
        "select a message from before joining with page()": _by_page(f"page('{GROUP}')", "old"),
        "select a message of another with page_after()": _by_page(f"page_after('{GROUP}', null)", "x"),
        "select a message from before joining with page_after()": _by_page(f"page_after('{GROUP}', null)", "old"),
        "add a reaction with add_reaction()": _reacted("add", "x2", lambda s: s.me),
        "add a reaction of another with add_reaction()": _reacted("add", "x2", lambda _: user("e")),
        "add a reaction to a foreign message with add_reaction()": _reacted("add", "y2", lambda s: s.me),
        "remove an own reaction with remove_reaction()": _reacted("remove", "x", lambda s: s.me),
        "remove a reaction of another with remove_reaction()": _reacted("remove", "x", lambda _: user("e")),
        "select an event with events_after()": _read(lambda _: "events_after(null)", lambda _: "kind = 'key.published'"),
        "select the end of the events with events_now()": _value(lambda _: "events_now()"),
        "select the position with written_lsn()": _value(lambda _: "written_lsn()"),
        "wait for a position with wait_for()": _run("wait_for('0/0')"),
        "wait for a position with refuse_open_transaction()": _run("refuse_open_transaction()"),
        "select a new id with uuid7()": _value(lambda _: "uuid7()"),
        "select the id of a direct conversation with direct_id()": _value(lambda s: f"direct_id('{s.me}', '{user('e')}')"),
        "select the id of a new conversation with new_conversation_id()": _value(lambda _: "new_conversation_id()"),
        "select the time of an id with uuid7_time()": _value(lambda _: "uuid7_time('00000000-0000-7000-8000-000000000000')"),
        "select the first id of a time with uuid7_floor()": _value(lambda _: "uuid7_floor(now())"),
        "select what is wrong with an id with explain_message_id()": _value(lambda s: f"explain_message_id('{s.world.messages['x']}')"),
        "select the digest of personal data with audit_pii_digest()": _value(lambda _: "audit_pii_digest('\\x00', null, null, '{}')"),
        "select the acting user with actor()": _read(lambda _: "actor()"),
        "select whether a conversation is empty with is_empty()": _read(lambda _: f"is_empty('{DIRECT}')"),
        "select whether one founds a conversation with is_founding()": _read(lambda _: f"is_founding('{GROUP}')"),
    }.items()
}  # fmt: skip
