"""What the commands that switch events answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatschema.events.switches import Switches


def words(switches: Switches) -> str:
    """Return what is switched on, in one line."""
    changes = "changes of conversations, participants and messages are recorded" if switches.changes else "changes are not recorded"
    return f"{changes}; {'NOTIFY chatschema_events is sent' if switches.notify else 'no NOTIFY is sent'}"
