"""models: the file of each target as it is reviewed, and what Python's has to say about its types."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import run_cli
from tests.support.database import Database
from tests.support.modelled import FILES, Applied

USES = """
from rows import Message, NewMessage, NewMessageStatus

message: NewMessage = {"conversation_id": UUID(int=1), "sender_id": UUID(int=2), "content_encrypted": b"x", "key_version": 1}
status: NewMessageStatus = {"message_id": UUID(int=1), "user_id": UUID(int=2), "status": "read", "read_at": None}
without: NewMessage = {"sender_id": UUID(int=2)}  # type: ignore[typeddict-item]
chosen: NewMessage = {"conversation_id": UUID(int=1), "updated_at": None}  # type: ignore[typeddict-unknown-key]
edited: NewMessage = {"conversation_id": UUID(int=1), "edited_at": None}  # type: ignore[typeddict-unknown-key]
wrong: NewMessageStatus = {"message_id": UUID(int=1), "user_id": UUID(int=2), "status": "seen"}  # type: ignore[typeddict-item]


def content(row: Message) -> bytes | None:
    return row["content_encrypted"]


def secret(row: User) -> object:
    return row["password_hash"]  # type: ignore[typeddict-item]


def entry(row: AuditLog, new: NewAuditLog) -> str:
    return f"{row['id']} {new['action']}"
"""


@pytest.mark.parametrize("target", FILES)
def test_a_target_is_reviewed_as_text(roled: Applied, target: str) -> None:
    done = roled.models(target)
    golden.check(f"models_{target}", done, {f"{roled.prefix}_": "chat_"})
    assert not done.err
    assert f"--role {roled.prefix}_app" in done.out.partition("\n")[0]
    if target == "python":
        assert done.out == roled.models(target, "--role", f"{roled.prefix}_app").out


def test_the_queue_has_models_of_its_own(roled: Applied) -> None:
    done = roled.models("sequelize", "--role", f"{roled.prefix}_worker")
    golden.check("models_worker", done, {f"{roled.prefix}_": "chat_"})
    assert "content_encrypted" not in done.out


def test_no_partition_and_no_table_of_the_ledger_has_a_model(roled: Applied) -> None:
    roled.database.run("create schema elsewhere; create table elsewhere.things (id int primary key)")
    done = roled.models("typescript", "--role", "postgres")
    roled.database.run("drop schema elsewhere cascade")
    names = [line.split()[2] for line in done.out.splitlines() if line.startswith("export interface ")]
    tables = [name for name in names if not name.startswith(("New", "Json"))]
    assert tables == [
        "Attachment", "AuditLog", "AuthSession", "ConversationParticipant", "Conversation", "MessageStatus", "Message", "UserPublicKey",
        "User",
    ]  # fmt: skip
    # What triggers replace is read, and nobody writes it.
    shapes = done.out.partition("export const SCHEMA_ERRORS")[0]
    assert shapes.count("pii_digest") == shapes.count("txid") == shapes.count("recorded_at") == 1
    assert shapes.count("password_hash") == 2
    assert done.err == "note: left out: elsewhere.things; models are made of schema public\n"


def test_a_role_that_only_reads_makes_no_new_rows(roled: Applied) -> None:
    found = roled.models("typescript", "--role", f"{roled.prefix}_readonly")
    assert "interface New" not in found.out
    assert "interface AuditLog" in found.out


def test_python_knows_what_is_optional_and_what_is_refused(roled: Applied, typed: Database, tmp_path: Path) -> None:
    roled.models("python", "--out", str(tmp_path / "rows.py"))
    roled.models("python", "--role", f"{roled.prefix}_worker", "--out", str(tmp_path / "worker.py"))
    done = run_cli("models", "--for", "python", "--out", "every.py", "--url", typed.url, cwd=tmp_path)
    assert done.out == "wrote every.py: 1 model with all columns\n"
    head = "from uuid import UUID\n\nfrom rows import User\nfrom worker import AuditLog, NewAuditLog\n"
    (tmp_path / "uses.py").write_text(head + USES.lstrip("\n"))
    # An ignored error that is none is an error.
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "uses.py", "rows.py", "worker.py", "every.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert "no issues found in 4 source files" in checked.stdout
    subprocess.run([sys.executable, "-c", "import rows, worker, every"], cwd=tmp_path, check=True)
