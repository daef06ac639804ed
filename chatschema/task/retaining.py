"""Retention as a whole: what is due by each rule, removing it, and whether something has been due for too long."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chatschema import units
from chatschema.errors import ChatschemaError
from chatschema.partition.retire_plan import before
from chatschema.postgres import Connection, door
from chatschema.task import retention_rules
from chatschema.task.retention_rules import Rule, Run, now
from chatschema.values import Settings

__all__ = ["Checked", "Planned", "Ran", "Removed", "Run", "check", "now", "plan", "rest", "run"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A rule and what is due by it: how many, the moment from which the period of the oldest counts, and how many a hold keeps.

    `keep` is None for what is kept for ever; then nothing is counted. `waiting` are due as well, but wait for `waits_for`.
    """

    rule: str
    what: str
    keep: str | None
    setting: str
    due: int
    oldest_at: datetime | None
    held: int
    waiting: int
    waits_for: str


@dataclass(frozen=True, slots=True)
class Removed:
    """How many a rule has removed."""

    rule: str
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class Ran:
    """A run: what it removed, what was due when it began and is left, the errors of rules, and whether its time was over."""

    removed: tuple[Removed, ...]
    left: tuple[Planned, ...]
    failed: tuple[ChatschemaError, ...]
    is_over: bool

    @property
    def is_done(self) -> bool:
        """Whether nothing is left that a run can remove."""
        return not any(one.due for one in self.left)


@dataclass(frozen=True, slots=True)
class Checked:
    """What has been due for longer than the grace, by rule."""

    grace: str
    overdue: tuple[Planned, ...]


def plan(connection: Connection, settings: Settings, at: datetime | None = None) -> tuple[Planned, ...]:
    """Return what is due by each rule now, or `at` another moment; reads only."""
    door.refuse(connection, "retention")
    state = Run(connection, settings, at or now(connection))
    return tuple(_planned(rule, state) for rule in retention_rules.rules(settings))


def _planned(rule: Rule, state: Run) -> Planned:
    empty = Planned(rule.name, rule.what, rule.keep, rule.setting, 0, None, 0, 0, "")
    if rule.keep is None:
        return empty
    found = rule.due(state)
    return replace(
        empty, due=found.count, oldest_at=found.oldest_at, held=found.held, waiting=found.waiting, waits_for=found.waits_for
    )


def check(connection: Connection, settings: Settings) -> Checked:
    """Return what was due already when the grace began, and is still there; what a hold keeps is not overdue. Reads only."""
    grace = settings.retention.grace
    found = plan(connection, settings, before(now(connection), grace))
    return Checked(units.span(grace), tuple(one for one in found if one.due or one.waiting))


def run(state: Run) -> Ran:
    """Remove all that is due, rule by rule, until nothing is left or the time is over.

    A rule that fails does not stop the others. Raises ChatschemaError only if the connection is lost.
    """
    door.refuse(state.connection, "retention run")
    failed: list[ChatschemaError] = []
    removed = tuple(_carried_out(state, retention_rules.rules(state.settings), failed))
    left = plan(state.connection, state.settings, state.at)
    return Ran(removed, left, tuple(failed), state.is_over())


def rest(state: Run, failed: list[ChatschemaError]) -> Iterator[Removed]:
    """Remove what is due by the rules that `maintain` has no part of its own for; errors are added to `failed`."""
    yield from _carried_out(state, [one for one in retention_rules.rules(state.settings) if not one.is_of_maintain], failed)


def _carried_out(state: Run, rules: list[Rule], failed: list[ChatschemaError]) -> Iterator[Removed]:
    for rule in rules:
        if rule.keep is None or rule.remove is None:
            continue
        if state.is_over():
            return
        count = 0
        try:
            for number in rule.remove(state):
                count += number
                if state.is_over():
                    break
        except (ChatschemaError, OSError) as error:
            if state.connection.closed:
                raise
            failed.append(_failed(rule, error))
            state.say(f"warning: {rule.name}: {failed[-1].message}")
        if count:
            yield Removed(rule.name, rule.what, count)


def _failed(rule: Rule, error: ChatschemaError | OSError) -> ChatschemaError:
    if isinstance(error, ChatschemaError):
        return error
    text = f"{error.filename or rule.what} was not removed: {error.strerror or error}"
    return ChatschemaError(text, "check that this user may remove it; the next run continues", code="retention.not-removed")
