"""A chat in which every rule of retention has something due, something not due and something held; and which rows are due, in SQL.

The SQL is written from docs/how-to/retention.md, not from the code that it checks.
"""

from dataclasses import dataclass

from tests.support.callers import HASH
from tests.support.database import Database
from tests.support.months import make_months

TOML = """
[retention]
keys = "90d"
files = "10d"
released_attachments = "12mo"
[sessions]
keep = "30d"
"""
CONVERSATIONS = 50
MONTHS = 14

# Everything is a number of days and six hours old, so that nothing becomes due while a test runs.
# Conversation n keeps 10 + 7 n days; every tenth has no period. Its messages are spread over 400 days, a fifth of them expire, half
# of these in the past. i is in the id of each message, so that rows can be told apart.
_PEOPLE = """
    insert into public.users (id, username) select md5('user' || n)::uuid, 'user' || n from generate_series(1, 20) as n;
    insert into public.conversations (id, created_by, retention_days)
    select md5('conversation' || n)::uuid, md5('user1')::uuid, case when n % 10 > 0 then 10 + 7 * n end
    from generate_series(1, {conversations}) as n;
"""
_MESSAGES = """
    -- Without triggers, which would take most of the time.
    set session_replication_role = replica;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at, expires_at)
    select
        chatschema.uuid7(t.at), md5('conversation' || (1 + i % {conversations}))::uuid, md5('user' || (1 + i / {conversations} % 20))::uuid, 'x',
        t.at, case when i % 5 = 0 then now() + case when i / 5 % 2 = 0 then interval '-3 days' else interval '3 days' end - interval '6 hours' end
    from generate_series(1, {messages}) as i,
        lateral (select now() - interval '6 hours' - interval '1 day' * ((i::bigint - 1) * 400 / {messages}) as at) as t
"""
_REPLIES = """
    -- Nobody takes part: a hold on a person would cover the whole conversation.
    alter table public.messages disable trigger messages_require_sender;
    insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id)
    select m.conversation_id, m.sender_id, 'reply', m.id from public.messages as m
    where m.content_encrypted = 'x' order by m.id limit 40;
    alter table public.messages enable trigger messages_require_sender;
"""
_OTHERS = """
    insert into public.auth_sessions (user_id, refresh_token_hash, expires_at)
    select md5('user' || (1 + n % 20))::uuid, '{hash}', now() - interval '6 hours' - n / {scale} * interval '1 day' from generate_series(1, 60 * {scale}) as n;
    insert into public.user_public_keys (user_id, device_id, key_type, public_key, expires_at)
    select md5('user' || (1 + n % 20))::uuid, md5('device')::uuid, 'one_time_prekey', sha256(n::text::bytea), now() - interval '6 hours' - n / {scale} * interval '4 days'
    from generate_series(1, 60 * {scale}) as n;
    alter table public.user_public_keys disable trigger user_public_keys_set_updated_at;
    insert into public.user_public_keys (user_id, device_id, key_type, public_key, status, updated_at)
    select md5('user' || (1 + n % 20))::uuid, md5('device')::uuid, 'one_time_prekey', sha256(('u' || n)::bytea),
        case when n % 3 = 0 then 'active' else 'used' end, now() - interval '6 hours' - n / {scale} * interval '4 days'
    from generate_series(1, 60 * {scale}) as n;
    alter table public.user_public_keys enable trigger user_public_keys_set_updated_at;
    alter table public.attachments disable trigger attachments_set_updated_at;
    alter table public.attachments disable trigger attachments_require_uploader;
    insert into public.attachments (conversation_id, uploader_id, storage_key, size_bytes, sha256, is_encrypted, state, purged_at, updated_at)
    select md5('conversation' || (1 + n % {conversations}))::uuid, md5('user' || (1 + n % 20))::uuid, 'file' || n, 1, sha256('x'), false,
        'deleted', case when n % 2 = 0 then now() - interval '6 hours' - n / {scale} * interval '1 day' end,
        now() - interval '6 hours' - n / {scale} * interval '1 day'
    from generate_series(1, 40 * {scale}) as n;
    alter table public.attachments enable trigger attachments_set_updated_at;
    alter table public.attachments enable trigger attachments_require_uploader;
    insert into chatschema.released_attachments (attachment_id, message_id, released_at)
    select coalesce(a.id, md5('gone' || n)::uuid), md5('message' || n)::uuid, now() - interval '6 hours' - n / {scale} * interval '20 days'
    from generate_series(1, 40 * {scale}) as n left join public.attachments as a on a.storage_key = 'file' || n and n % 4 < 2;
    insert into chatschema.erased_names (name_hash, reserved_until)
    select sha256(('name' || n)::bytea), now() + (n / {scale} - 20) * interval '1 day' - interval '6 hours' from generate_series(1, 40 * {scale}) as n;
"""
# Of a conversation and a person, of a person, and of a week; a released one holds nothing.
_HOLDS = """
    insert into chatschema.holds (conversation_id, reason) values (md5('conversation7')::uuid, 'a conversation');
    insert into chatschema.holds (user_id, conversation_id, reason) values (md5('user3')::uuid, md5('conversation12')::uuid, 'a person there');
    insert into chatschema.holds (user_id, from_at, to_at, reason)
        values (md5('user5')::uuid, now() - interval '200 days', now() - interval '100 days', 'a person');
    insert into chatschema.holds (reason, released_at, released_by, release_reason) values ('all', now() - interval '9 days', 'x', 'x');
"""

# Each rule by itself: what it removes, and the rows `t` that are due at {at}. {held} are the messages that stay.
_HELD_MESSAGE = """
    exists (
        select from chatschema.holds as h
        where h.released_at is null
            and (h.conversation_id is null or h.conversation_id = {m}.conversation_id)
            and (
                h.user_id is null or h.user_id = {m}.sender_id
                or h.conversation_id is null and exists (
                    select from chatschema.hold_conversations as hc where hc.hold_id = h.id and hc.conversation_id = {m}.conversation_id
                )
            )
            and (h.from_at is null or chatschema.uuid7_time({m}.id) >= date_trunc('milliseconds', h.from_at))
            and (h.to_at is null or chatschema.uuid7_time({m}.id) < date_trunc('milliseconds', h.to_at))
    )
"""
_STAYS = f"""(
    {_HELD_MESSAGE.format(m="t")}
    or t.id in (select r.reply_to_id from public.messages as r where r.reply_to_id is not null and {_HELD_MESSAGE.format(m="r")})
)"""
_TOO_OLD = """exists (
    select from public.conversations as c
    where c.id = t.conversation_id and date_trunc('milliseconds', {at}::timestamptz - c.retention_days * interval '1 day') > chatschema.uuid7_time(t.id)
)"""
_NAMED = "exists (select from chatschema.holds as h where h.released_at is null and h.user_id = t.user_id)"
_FILE_NAMED = """exists (
    select from chatschema.holds as h left join chatschema.hold_conversations as hc on hc.hold_id = h.id
    where h.released_at is null and (
        h.user_id = file.uploader_id or h.conversation_id = file.conversation_id or hc.conversation_id = file.conversation_id
    )
)"""


@dataclass(frozen=True)
class Truth:
    """The rows of a rule: table, key, the condition under which they are due, and the one under which a hold keeps them."""

    table: str
    key: str
    due: str
    held: str


TRUTHS = {
    "retention_days": Truth("public.messages", "id", _TOO_OLD, _STAYS),
    "expires_at": Truth("public.messages", "id", f"t.expires_at < {{at}} and not {_TOO_OLD}", _STAYS),
    "sessions": Truth(
        "public.auth_sessions", "id", "least(t.expires_at, t.revoked_at) < {at}::timestamptz - interval '30 days'", _NAMED
    ),
    "keys": Truth(
        "public.user_public_keys", "id",
        "(t.status = 'used' and t.updated_at < {at}::timestamptz - interval '90 days' or t.expires_at < {at}::timestamptz - interval '90 days')",
        _NAMED,
    ),
    "purged_files": Truth(
        "public.attachments", "id", "t.message_id is null and t.purged_at < {at}::timestamptz - interval '10 days'",
        _FILE_NAMED.replace("file.", "t."),
    ),
    "released_attachments": Truth(
        "chatschema.released_attachments", "attachment_id", "t.released_at < {at}::timestamptz - interval '12 months'",
        f"exists (select from public.attachments as file where file.id = t.attachment_id and {_FILE_NAMED})",
    ),
    "erased_names": Truth("chatschema.erased_names", "name_hash", "t.reserved_until < {at}", "false"),
}  # fmt: skip


def fill(database: Database, messages: int, scale: int = 1) -> None:
    """Fill a migrated database with so many messages, and `scale` times as much of everything else."""
    make_months(database, MONTHS + 1)
    database.run(_PEOPLE.format(conversations=CONVERSATIONS))
    database.run(_MESSAGES.format(conversations=CONVERSATIONS, messages=messages))
    database.run(_REPLIES)
    database.run(_OTHERS.format(hash=HASH, conversations=CONVERSATIONS, scale=scale))
    database.run(_HOLDS)
    database.run("analyze")


def keys(database: Database, rule: str, at: str, *, held: bool = False) -> set[object]:
    """Return the keys of the rows that are due by a rule at a moment, without those that a hold keeps; or with `held` only those."""
    truth = TRUTHS[rule]
    condition = f"{truth.due} and {'' if held else 'not'} {truth.held}".replace("{at}", f"'{at}'")
    return {row[0] for row in database.all(f"select t.{truth.key} from {truth.table} as t where {condition}")}


def every(database: Database) -> dict[str, set[object]]:
    """Return the keys of all rows, by table."""
    tables = {truth.table: truth.key for truth in TRUTHS.values()}
    return {table: {row[0] for row in database.all(f"select {key} from {table}")} for table, key in tables.items()}
