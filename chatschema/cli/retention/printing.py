"""What is due, as a table; on a narrow terminal, as a paragraph a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chatschema import units
from chatschema.cli import console

if TYPE_CHECKING:
    from chatschema.task.retaining import Planned

_HEADER = ("rule", "kept for", "due", "oldest (UTC)", "held", "waiting", "remarks")


def print_rules(found: Sequence[Planned]) -> None:
    """Print the rules and what is due by them."""
    if console.is_narrow():
        for one in found:
            console.answer(f"{one.rule}: {_kept(one)}")
            console.paragraph(_counts(one), indent=2)
        return
    rows = [
        (one.rule, _kept(one), str(one.due), units.when(one.oldest_at), str(one.held), str(one.waiting), _remarks(one))
        if one.keep
        else (one.rule, _kept(one), "", "", "", "", _remarks(one))
        for one in found
    ]
    console.table(_HEADER, rows, right=(2, 4, 5))


def _kept(one: Planned) -> str:
    return one.keep or "for ever"


def _counts(one: Planned) -> str:
    if one.keep is None:
        return f"{one.what}; {_remarks(one)}"
    oldest = f", the oldest of {units.when(one.oldest_at)} UTC" if one.oldest_at else ""
    parts = [f"{one.due} due{oldest}", f"{one.held} held", f"{one.waiting} waiting"]
    return "; ".join([*parts, _remarks(one)])


def _remarks(one: Planned) -> str:
    if one.keep is None:
        return f"to end it: {one.setting}"
    return f"{one.what}; waits for {one.waits_for}" if one.waits_for else one.what
