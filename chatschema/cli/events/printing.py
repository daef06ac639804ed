"""Events as a table and as lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from chatschema.cli import console

if TYPE_CHECKING:
    from chatschema.events.tail import Event

_HEADER = ("id", "when (UTC)", "kind", "rows", "conversation", "user")


def show(found: Sequence[Event]) -> None:
    """Print events as a table; on a narrow terminal a few lines for each."""
    if not found:
        console.answer("there is no event")
    elif console.is_narrow():
        for event in found:
            for text in _block(event):
                console.answer(text)
    else:
        console.table(_HEADER, [_row(event) for event in found], right=(0,))


def follow(event: Event) -> bool:
    """Print an event at once, on one line off a terminal; return whether anybody reads on."""
    lines = _block(event) if console.is_narrow() else ["  ".join(part for part in _row(event) if part)]
    return all(console.line(console.shown(text)) for text in lines)


def _row(event: Event) -> tuple[str, ...]:
    when = f"{event.recorded_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return (str(event.id), when, event.kind, _rows(event), str(event.conversation_id or ""), str(event.user_id or ""))


def _rows(event: Event) -> str:
    one = event.row_number if event.row_id is None else event.row_id
    if one is not None:
        return f"{event.table_name} {one}"
    count = "" if event.row_count is None else f" {event.row_count} rows"
    return f"{event.table_name}{count}" + (f" {event.first_id} to {event.last_id}" if event.first_id else "")


def _block(event: Event) -> list[str]:
    id, when, kind, rows, conversation, user = _row(event)
    lines = [f"{id}  {when}", f"  {kind}", f"  {rows}"]
    lines += [f"  conversation {conversation}"] if conversation else []
    return lines + ([f"  user {user}"] if user else [])
