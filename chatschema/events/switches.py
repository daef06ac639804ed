"""What is recorded as an event besides what always is, and whether a NOTIFY tells of events: the row of chatschema.event_state."""

from dataclasses import dataclass

from psycopg import sql

from chatschema import audit, postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

_SET = sql.SQL("""
    insert into chatschema.event_state ({column}) values ({value})
    on conflict (is_only) do update set {column} = excluded.{column}
""")


@dataclass(frozen=True, slots=True)
class Switches:
    """`changes`: of conversations, participants and messages become events; `notify`: a NOTIFY tells of new events."""

    changes: bool
    notify: bool


def read(connection: Connection) -> Switches:
    """Return what is switched on. Raises ChatschemaError where the database has no events."""
    require(connection)
    rows = postgres.fetch_all(connection, "select records_changes, notifies from chatschema.event_state")
    return Switches(*rows[0]) if rows else Switches(changes=False, notify=False)


def require(connection: Connection) -> None:
    """Raise ChatschemaError where the database has no events."""
    if not postgres.has_table(connection, "chatschema.event_state"):
        raise ChatschemaError("this database has no events yet", "first: chatschema migrate", code="events.not-migrated")


def set_changes(connection: Connection, *, on: bool) -> Switches:
    """Switch recording of changes on or off, from the next statement of any session on, and record that in the trail."""
    return _set(connection, "records_changes", on=on)


def set_notify(connection: Connection, *, on: bool) -> Switches:
    """Switch the NOTIFY on or off, from the next statement of any session on, and record that in the trail."""
    return _set(connection, "notifies", on=on)


def _set(connection: Connection, column: str, *, on: bool) -> Switches:
    require(connection)
    with postgres.transaction(connection):
        postgres.execute(connection, _SET.format(column=sql.Identifier(column), value=sql.Literal(on)))
        audit.record(connection, "events.switch", "event_state", column, on=on)
    return read(connection)
