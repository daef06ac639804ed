"""A row of the audit trail, as the commands read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

COLUMNS: LiteralString = """
    id, created_at, recorded_at, user_id, action, resource_type, resource_id, severity, session_id, request_id,
    host(ip_address) || case when masklen(ip_address) < case family(ip_address) when 4 then 32 else 128 end
        then '/' || masklen(ip_address) else '' end as ip_address,
    user_agent, recorded_by, details
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the trail: what was done, by whom, to what, from where, and the database role that wrote it."""

    id: int
    created_at: datetime
    recorded_at: datetime
    user_id: UUID | None
    action: str
    resource_type: str | None
    resource_id: str | None
    severity: str
    session_id: UUID | None
    request_id: str | None
    ip_address: str | None
    user_agent: str | None
    recorded_by: str
    details: dict[str, Any] | None
