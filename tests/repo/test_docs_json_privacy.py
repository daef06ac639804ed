"""The documents of the privacy commands are what their JSON Schemas say."""

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid


def test_register_export_and_erase(cli: Cli, seeded: Database) -> None:
    assert valid("privacy-register", cli, seeded, "privacy", "register")["activities"]
    assert valid("privacy-export", cli, seeded, "privacy", "export", "alice")["manifest"]["files"]
    assert cli("hold", "add", "--reason", "case", "--user", "alice", "--url", seeded.url).code == 0
    assert valid("privacy-erase-dry-run", cli, seeded, "privacy", "erase", "alice", "--dry-run", code=3)["expected"]["holds"]
    assert cli("privacy", "erase", "alice", "--yes", "--url", seeded.url).code == 3
    assert valid("privacy-list", cli, seeded, "privacy", "list")["requests"][0]["state"] == "waiting"
    assert cli("hold", "release", "1", "--reason", "closed", "--url", seeded.url).code == 0
    assert valid("privacy-erase", cli, seeded, "privacy", "erase", "alice", "--yes")["receipt"]["sha256"]
    assert valid("privacy-list", cli, seeded, "privacy", "list")["requests"][0]["receipt"]
    files = valid("attachments-due", cli, seeded, "attachments", "due")["files"]
    assert valid("attachments-done", cli, seeded, "attachments", "done", files[0]["id"])["removed"] == 1
