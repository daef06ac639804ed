"""The documents of the privacy commands are what their JSON Schemas say."""

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import check, valid


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


def test_erase_conversation_and_message_and_their_receipts(cli: Cli, seeded: Database) -> None:
    message, conversation = seeded.all("select id, conversation_id from public.messages where not is_deleted limit 1")[0]
    assert cli("audit", "key", "--out", "k").code == 0
    erase = ("privacy", "erase-message", str(message))
    assert valid("privacy-erase-message-dry-run", cli, seeded, *erase, "--dry-run")["expected"]["subject_type"] == "message"
    assert valid("privacy-erase-message", cli, seeded, *erase, "--yes", "--key", "k", "--receipt", "message.json")["receipt"][
        "note"
    ]
    erase = ("privacy", "erase-conversation", str(conversation))
    assert valid("privacy-erase-conversation-dry-run", cli, seeded, *erase, "--dry-run")["expected"]["name"]
    assert valid("privacy-erase-conversation", cli, seeded, *erase, "--yes")["receipt"]["sha256"]
    checked = cli("privacy", "check-receipt", "message.json", "--key", "k.pub", "--json").json()
    check("privacy-check-receipt", checked)
    assert checked["signed_by"]
