"""On one server nothing of a cluster is loaded, and nothing is asked about it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import clean_environment
from tests.support.database import Database
from tests.support.pace import long

# Runs a command in this process, and prints the modules that it loaded and the queries that it sent.
RUN = """
import atexit, json, sys
import psycopg
sent = []
plain = psycopg.Connection.execute
def execute(self, query, *arguments, **named):
    sent.append(query.as_string(self) if hasattr(query, "as_string") else query.decode() if isinstance(query, bytes) else query)
    return plain(self, query, *arguments, **named)
psycopg.Connection.execute = execute
atexit.register(lambda: print(json.dumps([sorted(name for name in sys.modules if name.startswith("chatschema")), sent]), file=sys.stderr))
sys.argv = ["chatschema", *sys.argv[1:]]
from chatschema.cli import main
main()
"""


@long
@pytest.mark.parametrize(
    "command", [["status"], ["migrate"], ["partition", "ensure"], ["maintain"], ["hold", "list"]], ids=" ".join
)
def test_one_server_is_asked_nothing_about_a_cluster(migrated: Database, tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command, "--url", migrated.url],
        cwd=tmp_path, env=clean_environment(), text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    modules, sent = json.loads(done.stderr.splitlines()[-1])
    assert [name for name in modules if name.startswith("chatschema.cluster")] == []
    assert sent
    assert [query for query in sent if "citus" in query or "pg_dist" in query] == []
