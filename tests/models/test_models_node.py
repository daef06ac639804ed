"""The models of the targets for Node, compiled and run: make test-models."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatschema.models.targets.sequelize import MEMBERS
from tests.support import ROOT
from tests.support.cli import clean_environment, run_cli
from tests.support.database import Database
from tests.support.every_type import ALL, REFUSED, differing, without
from tests.support.modelled import FILES, Applied, applied
from tests.support.node import install, needs_node

pytestmark = [
    needs_node,
    pytest.mark.skipif(not os.environ.get("CHATSCHEMA_TEST_FULL"), reason="make test-models: it installs packages for two minutes"),
]
SCRIPTS = ROOT / "tests" / "models" / "node"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the lock file."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SCRIPTS / name, folder)
    install(folder, "ci")
    return folder


@pytest.fixture
def node(packages: Path, tmp_path: Path) -> Path:
    """A folder with the scripts and the packages, for the files of a test."""
    for path in SCRIPTS.iterdir():
        if path.suffix in (".js", ".ts", ".json"):
            shutil.copy(path, tmp_path)
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    return tmp_path


@pytest.fixture
def seeded_roles(seeded: Database, tmp_path: Path) -> Iterator[Applied]:
    with applied(seeded, tmp_path) as found:
        yield found


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command], cwd=folder, env=clean_environment(environment), capture_output=True, text=True, check=False, timeout=600
    )


def script(folder: Path, name: str, **environment: str) -> Any:
    done = run(folder, "node", name, **environment)
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout)


def compile_all(folder: Path) -> None:
    done = run(folder, "node_modules/.bin/tsc", "-p", ".")
    assert done.returncode == 0, done.stdout


def validate(folder: Path) -> None:
    # The program that Prisma would download is not needed to validate.
    nothing = {"PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true", "PRISMA_QUERY_ENGINE_LIBRARY": "/bin/true", "CHECKPOINT_DISABLE": "1"}
    done = run(
        folder,
        "node_modules/.bin/prisma",
        "validate",
        "--schema",
        "schema.prisma",
        DATABASE_URL="postgresql://localhost/none",
        **nothing,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is valid" in done.stdout


def test_the_specs_calls_and_all_that_compiles(seeded_roles: Applied, node: Path) -> None:
    database, prefix = seeded_roles.database, seeded_roles.prefix
    for target, name in FILES.items():
        assert seeded_roles.models(target, "--out", str(node / name)).code == 0
    assert seeded_roles.models("sequelize", "--role", f"{prefix}_worker", "--out", str(node / "worker.js")).code == 0
    compile_all(node)
    validate(node)
    alice, bob = (str(database.one(f"select id from public.users where username = '{name}'")) for name in ("alice", "bob"))
    place = str(database.one("select id from public.conversations where title = 'Everybody'"))
    people = {"ALICE": alice, "BOB": bob, "PLACE": place}
    app, worker = seeded_roles.login("app"), seeded_roles.login("worker")
    result = script(node, "calls.js", APP_URL=app, WORKER_URL=worker, **people)
    own = f"select count(*) from public.{{}} where user_id = '{alice}'"
    assert result["user"] == {
        "sessions": database.one(own.format("auth_sessions")),
        "keys": database.one(own.format("user_public_keys")),
        # The notes to self come later.
        "participations": database.one(f"{own.format('conversation_participants')} and left_at is null") - 1,
    }
    assert result["conversation"]["participants"] == database.one(
        f"select count(*) from conversation_participants where conversation_id = '{place}'"
    )
    assert result["conversation"]["messages"] > 100
    message = result["message"]["id"]
    assert result["message"]["is_buffer"]
    assert result["reply"] == {"to": message, "sender": bob, "statuses": 0, "attachment": None}
    assert result["status"] == {"status": "read", "delivered": True, "read": True, "of": place}
    assert database.one(f"select action from public.audit_logs where id = {int(result['audit'])}") == "message.send"
    assert result["notes"] == str(database.one(f"select chatschema.direct_id('{alice}', '{alice}')"))
    assert result["times"] == {"moved": True, "bulk": True}
    assert result["newest"] == result["bulk"]
    assert result["models"]["worker"] == ["AuditLog", "AuthSession", "ConversationParticipant", "Message", "MessageStatus", "User"]
    assert "AuditLog" not in result["models"]["app"]
    refused = result["refused"]
    assert (refused["forAnother"], refused["withoutUser"]) == ("42501", "42501")
    assert "MessageStatus.message_id cannot be null" in refused["statusWithoutMessage"]
    found = script(node, "queries.js", APP_URL=app, **people)
    assert found["drizzle"] == {"status": "read", "of": place, "title": "Everybody", "attachment": None, "edits": 1}
    assert found["kysely"] == {"status": "read", "of": place, "created": True}


def test_every_type_compiles_and_can_be_written_back(typed: Database, node: Path) -> None:
    for target, name in {**FILES, "sequelize": "sequelize.js"}.items():
        arguments = without(*REFUSED.get(target, ()))
        done = run_cli("models", "--for", target, *arguments, "--out", str(node / name), "--url", typed.url, cwd=node)
        assert done.code == 0, done.err
    (node / "uses.ts").unlink()
    compile_all(node)
    validate(node)
    # The text of json: the application writes its own.
    assert script(node, "columns.js", DATABASE_URL=typed.url) == {"read": [], "written": [], "unknown": 0}
    assert differing(typed) == {"c_json"}
    drizzle = script(node, "columns_drizzle.js", DATABASE_URL=typed.url)
    assert drizzle == {"columns": len(ALL) - len(REFUSED["drizzle"]), "int8": "bigint", "bytea": True}
    assert differing(typed) == {"c_json", *REFUSED["drizzle"]}
    sequelize = script(node, "columns_sequelize.js", DATABASE_URL=typed.url)
    assert (sequelize["columns"], sequelize["again"]) == (len(ALL) - len(REFUSED["sequelize"]), True)
    assert differing(typed) == {"c_json", *REFUSED["sequelize"]}


def test_the_members_of_an_instance_of_sequelize_are_known(node: Path) -> None:
    # Those of the model itself.
    assert set(script(node, "members.js")) - {"id", "createdAt", "updatedAt"} == MEMBERS
