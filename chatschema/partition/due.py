"""How many messages each rule of retention would remove, and how many a hold keeps; reads only."""

from datetime import datetime

from psycopg import sql

from chatschema import hold, postgres, sqlfile
from chatschema.partition import catalog, grid, purge, retire, retire_plan, retired_months
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection
from chatschema.values import Due, Policy

_MESSAGES = sql.SQL("public.messages as m")
_SENT = sql.SQL("chatschema.uuid7_time(m.id)")
# A message that its conversation no longer keeps: counted there, and by no other rule.
_BY_CONVERSATION = sql.SQL("""exists (
    select from public.conversations as c
    where c.id = m.conversation_id and m.id < chatschema.uuid7_floor({at} - least(c.retention_days, 36500) * interval '1 day')
)""")
_STEPS = ("detach", "archive", "drop")


def together(parts: list[Due]) -> Due:
    """Return the sum of what several tables have."""
    oldest = min((one.oldest_at for one in parts if one.oldest_at), default=None)
    return Due(sum(one.count for one in parts), oldest, sum(one.held for one in parts))


def _count(
    connection: Connection, messages: sql.Composable, due: sql.Composable, kept: sql.Composable, since: sql.Composable = _SENT
) -> Due:
    values = {"messages": messages, "due": due, "kept": kept, "since": since}
    return Due(*postgres.fetch_one(connection, sqlfile.fill("partitions/count_due.sql", **values)))


def _table(name: str) -> sql.Composed:
    return sql.SQL("{} as m").format(sql.Identifier(SCHEMA, name))


def _kept(connection: Connection) -> sql.Composable:
    """Return the condition of purge.kept() for many messages: held replies are looked for once, not for each."""
    if not postgres.fetch_one(connection, "select exists (select from chatschema.holds where released_at is null)")[0]:
        return sql.SQL("false")
    away = [sql.Identifier(SCHEMA, month.name) for month in catalog.away(connection) if month.parent == GROUP[0].table]
    replies = sql.SQL("select r.reply_to_id from {} as r where r.reply_to_id is not null and {}")
    answered = sql.SQL(" union all ").join(
        replies.format(table, hold.REPLY_IS_HELD) for table in (sql.Identifier("public", GROUP[0].table), *away)
    )
    return sql.SQL("({} or m.id in ({}))").format(hold.IS_HELD, answered)


def of_conversations(connection: Connection, at: datetime) -> Due:
    """Return the messages that are older than the retention_days of their conversation at this moment."""
    found = purge.conversations(connection, sql.Literal(at))
    ids, kept_from = [one for one, _ in found], [first for _, first in found]
    # One look into the index for each: the months are many, and to plan a query over them takes longer than to run it.
    messages = sql.SQL("""
        unnest({}::uuid[], {}::uuid[]) as d (id, kept_from)
        join public.messages as m on m.conversation_id = d.id and m.id < d.kept_from
    """).format(sql.Literal(ids), sql.Literal(kept_from))
    return _count(connection, messages, sql.SQL("true"), _kept(connection)) if found else Due()


def expired(connection: Connection, at: datetime) -> Due:
    """Return the messages that are past their own expires_at at this moment, without those that their conversation ends."""
    moment = sql.Literal(at)
    due = sql.SQL("m.expires_at < {} and not {}").format(moment, _BY_CONVERSATION.format(at=moment))
    return _count(connection, _MESSAGES, due, _kept(connection), sql.SQL("m.expires_at"))


def of_months(connection: Connection, policy: Policy, at: datetime) -> Due:
    """Return the messages of the months that the policy retires at this moment, without those that other rules end."""
    moment, found = sql.Literal(at), []
    for step in retire.steps(connection, policy, at):
        is_kept = step.action == "keep" and step.reason == retire_plan.HELD
        if step.action not in _STEPS and not is_kept:
            continue
        month = next((one for one in retire.members(connection, step.month) if one.parent == GROUP[0].table), None)
        if month is None:
            continue
        kept = sql.SQL("true") if is_kept else hold.IS_HELD if policy.holds == "carve" else sql.SQL("false")
        found.append(_count(connection, _table(month.name), _only_here(step, moment), kept))
    return together(found)


def _only_here(step: retire_plan.Step, at: sql.Composable) -> sql.Composable:
    """Return the condition for what no other rule ends: a detached table has nobody else who looks at it."""
    if step.action in ("archive", "drop"):
        return sql.SQL("true")
    other = sql.SQL("(m.expires_at is null or m.expires_at >= {at}) and not {conversation}")
    return other.format(at=at, conversation=_BY_CONVERSATION.format(at=at))


def after_holds(connection: Connection, policy: Policy) -> Due:
    """Return the rows that outlived their month or their erasure because of a hold: due once no hold covers them."""
    found = []
    discarded = {step.month for step in retire.steps(connection, policy) if step.action == "discard held"}
    for record in retired_months.read(connection).values():
        name = grid.kept(grid.month(GROUP[0].table, record.month)).name
        if record.state != "dropped" or not record.held_messages or not postgres.has_table(connection, f"{SCHEMA}.{name}"):
            continue
        kept = sql.SQL("false") if record.month in discarded else sql.SQL("true")
        found.append(_count(connection, _table(name), sql.SQL("true"), kept))
    if postgres.has_table(connection, "chatschema.deferred_erasures"):
        found.append(_deferred(connection))
    return together(found)


def _deferred(connection: Connection) -> Due:
    query = sql.SQL("""
        select count(*) filter (where not d.is_held), null::timestamptz, count(*) filter (where d.is_held)
        from (
            select {} as is_held from chatschema.deferred_erasures as e join public.messages as m on m.id = e.message_id
        ) as d
    """)
    return Due(*postgres.fetch_one(connection, query.format(hold.IS_HELD)))
