"""The documents of chatschema events are what their JSON Schemas say."""

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid
from tests.support.events import SEND, conversations


def test_events(cli: Cli, migrated: Database) -> None:
    rooms = conversations(migrated, 1)
    assert valid("events-record", cli, migrated, "events", "record")["switches"] == {"changes": True, "notify": False}
    assert valid("events-notify", cli, migrated, "events", "notify")["switches"]["notify"]
    migrated.run(SEND, rooms[0])
    assert [one["kind"] for one in valid("events-tail", cli, migrated, "events", "tail")["events"]] == ["message.sent"]
