"""The manual's examples for Sequelize, node-postgres and psycopg, and the specification's calls, by logins of the application."""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import PASSWORD, ROOT
from tests.support.access.world import dropped
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.node import needs_node
from tests.support.pgbouncer import needs_pgbouncer, pooled
from tests.support.servers import PgServer

MANUAL = (ROOT / "docs" / "how-to" / "context.md").read_text()
SWAPS = 1_000


@dataclass(frozen=True)
class Deployed:
    """A database with the demo, the roles, and a login of each of the two groups that the application uses."""

    database: Database
    app: str
    worker: str
    alice: str
    bob: str
    place: str


@pytest.fixture
def deployed(cli: Cli, server: PgServer, seeded: Database) -> Iterator[Deployed]:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    with dropped(server, prefix):
        assert cli("roles", "apply", "--prefix", prefix, "--url", seeded.url).code == 0
        for group in ("app", "worker"):
            seeded.run(
                f"create role {prefix}_login_{group} login password '{PASSWORD}'; grant {prefix}_{group} to {prefix}_login_{group}"
            )
        alice, bob = (str(seeded.one(f"select id from public.users where username = '{name}'")) for name in ("alice", "bob"))
        place = str(seeded.one("select id from public.conversations where title = 'Everybody'"))
        app, worker = (server.url(seeded.name, user=f"{prefix}_login_{group}", password=PASSWORD) for group in ("app", "worker"))
        yield Deployed(seeded, app, worker, alice, bob, place)


def example(language: str, name: str) -> str:
    (found,) = (block for block in re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL) if name in block)
    return str(found)


@needs_node
def test_the_specs_calls_by_the_application_and_by_its_queue(deployed: Deployed, node_modules: Path) -> None:
    environment = {
        "APP_URL": deployed.app,
        "WORKER_URL": deployed.worker,
        "ALICE": deployed.alice,
        "BOB": deployed.bob,
        "PLACE": deployed.place,
    }
    for key, name in (("SEQUELIZE_EXAMPLE", "asUser"), ("PG_EXAMPLE", "withUser")):
        # Beside the modules that it asks for.
        path = node_modules / f"{name}.js"
        path.write_text(f"{example('js', f'function {name}')}\nmodule.exports = {{ {name} }};\n")
        environment[key] = str(path)
    done = subprocess.run(
        ["node", "access.js"], cwd=node_modules, env=clean_environment(environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    database = deployed.database
    own = f"select count(*) from public.{{}} where user_id = '{deployed.alice}'"
    everybody = f"select count(*) from public.{{}} where conversation_id = '{deployed.place}'"
    joined = f"(select joined_at from public.conversation_participants where conversation_id = '{deployed.place}' and user_id = '{deployed.alice}')"
    assert result["user"] == {
        "sessions": database.one(own.format("auth_sessions")),
        "keys": database.one(own.format("user_public_keys")),
        "participations": database.one(f"{own.format('conversation_participants')} and left_at is null"),
    }
    assert result["conversation"] == {
        "messages": database.one(
            f"{everybody.format('messages')} and (created_at >= date_trunc('milliseconds', {joined}) or sender_id = '{deployed.alice}')"
        ),
        "participants": database.one(everybody.format("conversation_participants")),
    }
    assert result["newest"] == result["message"]
    assert result["status"] == {"status": "read", "delivered": True, "read": True}
    assert database.one(f"select action from public.audit_logs where id = {int(result['audit'])}") == "message.send"
    assert result["refused"] == {
        "forAnother": "42501",
        "withoutUser": "42501",
        "auditByTheApp": "42501",
        "contentByTheWorker": "42501",
    }
    assert result["unseen"] == [0] * 8
    assert result["pg"] == {"seen": 1, "failed": "22012", "after": 0}


def test_the_example_for_psycopg(deployed: Deployed) -> None:
    names: dict[str, Any] = {}
    exec(example("python", "def acting_as"), names)  # noqa: S102
    seen = "select id::text from public.users"
    with closing(psycopg.connect(deployed.app, autocommit=True)) as connection:
        for user in (deployed.alice, deployed.bob):
            with names["acting_as"](connection, user) as acting:
                assert acting.execute(seen).fetchall() == [(user,)]
            assert connection.execute(seen).fetchall() == []
        with pytest.raises(psycopg.errors.InvalidParameterValue), names["acting_as"](connection, "alice"):
            connection.execute(seen)


@needs_pgbouncer
def test_behind_pgbouncer_the_next_client_is_nobody(deployed: Deployed) -> None:
    """Two clients share one server process; each transaction of one is followed by one of the other."""
    seen = "select coalesce(current_setting('app.user_id', true), ''), (select string_agg(id::text, ' ') from public.users), pg_backend_pid()"
    processes = set()
    with pooled(deployed.app) as url, closing(psycopg.connect(url)) as first, closing(psycopg.connect(url)) as second:
        for client in (first, second):
            client.autocommit = True
            client.prepare_threshold = None
        for turn in range(SWAPS):
            user = (deployed.alice, deployed.bob)[turn % 2]
            acting, bare = (first, second) if turn % 2 else (second, first)
            with acting.transaction():
                acting.execute("select set_config('app.user_id', %s, true)", (user,))
                named = acting.execute(seen).fetchone()
            nobody = bare.execute(seen).fetchone()
            assert named
            assert nobody
            assert (named[:2], nobody[:2]) == ((user, user), ("", None))
            processes |= {named[2], nobody[2]}
        assert len(processes) == 1
        # The mistake that the manual warns of is one: the test would see a leak.
        first.execute("select set_config('app.user_id', %s, false)", (deployed.alice,))
        leaked = second.execute(seen).fetchone()
        assert leaked
        assert leaked[:2] == (deployed.alice, deployed.alice)
