"""The rollbacks of migrations of sequelize-cli: run one after the other, and recorded."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.migration.strangers.sequelize import texts
from chatschema.migration.strangers.sequelize.files import Program
from chatschema.migration.strangers.sequelize.node import Recorder
from chatschema.migration.strangers.sequelize.texts import Converted
from chatschema.postgres import Connection
from chatschema.task import converting
from chatschema.values import Settings


class _Second:
    """The scratch database of the rollbacks: it has the first migrations, as they were recorded, and is made again if need be."""

    def __init__(self, server: Settings, recorder: Recorder, ups: Sequence[Converted]) -> None:
        self._server, self._recorder, self._ups = server, recorder, ups
        self._open = ExitStack()
        self._connection: Connection | None = None
        # How many it has; None if nobody knows.
        self.applied: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def current(self) -> Connection:
        """A connection to it, whatever it has."""
        return self._connection or self.at(0)

    def at(self, count: int) -> Connection:
        """Return a connection to it, with the first `count` migrations."""
        if self._connection is None or self.applied != count:
            self._open.close()
            self._connection = self._open.enter_context(converting.empty(self._server))
            self._recorder.connect(self._connection)
            for up in self._ups[:count]:
                converting.run(self._connection, up)
            self.applied = count
        return self._connection


def of(
    server: Settings, recorder: Recorder, found: Sequence[Program], ups: Sequence[Converted]
) -> tuple[list[Converted | None], list[str]]:
    """Return the rollbacks, None where there is none, and what to look at. They are run last first, as undo does."""
    downs: list[Converted | None] = []
    notes: list[str] = []
    with _Second(server, recorder, ups) as second:
        for count in range(len(found), 0, -1):
            down, why = _down(second, recorder, found[count - 1], ups[count - 1], count)
            downs.insert(0, down)
            if why:
                notes.insert(0, f"{found[count - 1].path.name}: {why}")
    return downs, notes


def _down(second: _Second, recorder: Recorder, one: Program, up: Converted, count: int) -> tuple[Converted | None, str | None]:
    """Return the rollback of a migration; and why there is none although it has one, or why it is no way back."""
    if one.up is None:
        down, why = _recorded_down(second, recorder, one, up, count)
    else:
        down, why = Converted(one.down, not texts.is_alone(one.down), None) if one.down is not None else None, None
    if down is None:
        return None, why
    # Where its program has run already, that is half of this round.
    ways = (up, down) if one.up is None else (down, up, down)
    connection = second.current if one.up is None else second.at(count)
    second.applied = None
    for way in ways:
        try:
            converting.run(connection, way)
        except ServerError as error:
            what = "after its rollback it cannot be applied again" if way is up else "its rollback fails"
            return down, f"{what}: {error.message}"
    second.applied = count - 1
    return down, None


def _recorded_down(
    second: _Second, recorder: Recorder, one: Program, up: Converted, count: int
) -> tuple[Converted | None, str | None]:
    connection = second.at(count)
    recording = recorder.run(one.path, "down")
    if recording is None:
        return None, None
    second.applied = None
    if recording.error:
        return None, f"no rollback: its down failed: {recording.error}"
    down = texts.convert(recording, lambda query: converting.changes(connection, query))
    if down.depends:
        return None, f"no rollback: {down.depends}"
    if not recording.sent:
        second.applied = count
        return None, None
    return texts.with_types(down, [name for name in texts.enums(up.text) if _drops(connection, name)]), None


def _drops(connection: Connection, type: str) -> bool:
    """Drop an enum that the rollback of Sequelize left behind; return whether it was there, and no column has it."""
    try:
        postgres.execute_text(connection, f"drop type {type}")
    except ServerError:
        return False
    return True
