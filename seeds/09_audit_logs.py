"""audit_logs: the audit trail of the other seeders' data: logins, groups, roles, edits and deletions, in order."""

from collections.abc import Iterator
from typing import Any

from chatschema.seed import World

NEEDS = ("auth_sessions", "conversation_participants", "messages")


def seed(world: World) -> None:
    """Each event refers to an existing row, at the time in that row."""
    events = sorted(_events(world), key=lambda event: event[0])
    ids = world.reserve_ids("audit_logs", len(events))
    world.insert("audit_logs", [_row(id, *event) for id, event in zip(ids, events, strict=True)])


Event = tuple[Any, Any, str, str, str, str, dict[str, Any], Any, Any]


def _events(world: World) -> Iterator[Event]:
    logins = world.fetch(
        "select a.created_at, a.user_id, a.id, a.ip_address, a.user_agent, a.revoked_at, a.revoked_reason, a.parent_id"
        " from public.auth_sessions as a join chatschema.seeded_rows as s"
        " on s.table_name = 'auth_sessions' and s.key[1] = a.id::text"
    )
    for created_at, user_id, id, ip, agent, revoked_at, reason, parent_id in logins:
        action = "session.refresh" if parent_id else "session.login"
        yield created_at, user_id, action, "auth_session", str(id), "info", {}, ip, agent
        if revoked_at:
            yield revoked_at, user_id, "session.revoke", "auth_session", str(id), "critical", {"reason": reason}, ip, agent
    groups = world.fetch(
        "select c.created_at, c.created_by, c.id, c.type from public.conversations as c"
        " join chatschema.seeded_rows as s on s.table_name = 'conversations' and s.key[1] = c.id::text"
    )
    for created_at, user_id, id, kind in groups:
        yield created_at, user_id, "conversation.create", "conversation", str(id), "info", {"type": kind}, None, None
    leavers = world.fetch(
        "select p.left_at, p.user_id, p.conversation_id from public.conversation_participants as p"
        " join chatschema.seeded_rows as s on s.table_name = 'conversation_participants'"
        " and s.key = array[p.conversation_id::text, p.user_id::text] where p.left_at is not null"
    )
    for left_at, user_id, id in leavers:
        yield left_at, user_id, "conversation.leave", "conversation", str(id), "info", {}, None, None
    changed = world.fetch(
        "select coalesce(m.deleted_at, m.edited_at), m.sender_id, m.id, m.is_deleted from public.messages as m"
        " join chatschema.seeded_rows as s on s.table_name = 'messages' and s.key[1] = m.id::text"
        " where m.is_deleted or m.edit_count > 0"
    )
    for moment, user_id, id, is_deleted in changed:
        action = "message.delete" if is_deleted else "message.edit"
        details = {"content": "[redacted]"}
        yield moment, user_id, action, "message", str(id), "warning" if is_deleted else "info", details, None, None


def _row(
    id: int,
    created_at: Any,
    user_id: Any,
    action: str,
    kind: str,
    of: str,
    severity: str,
    details: dict[str, Any],
    ip: Any,
    agent: Any,
) -> dict[str, Any]:
    return {
        "id": id,
        "user_id": user_id,
        "action": action,
        "resource_type": kind,
        "resource_id": of,
        "severity": severity,
        "details": details,
        "ip_address": ip,
        "user_agent": agent,
        "created_at": created_at,
        # A trigger replaces it; COPY needs a value for a column that is not null and has no default.
        "pii_digest": bytes(32),
    }
