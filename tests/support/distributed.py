"""The tests of triggers, checks and guards on a distributed database: CHATSCHEMA_TEST_SERVER=citus (make test-cluster).

Their databases are copies of one that was migrated and distributed, on the coordinator and on each worker. Tests that do not apply
there are listed with the reason in tests/cluster/one_server.toml; one of them that passes all the same fails the run.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import run_cli

LIST = Path(__file__).parent.parent / "cluster" / "one_server.toml"
IS_ASKED = os.environ.get("CHATSCHEMA_TEST_SERVER") == "citus"


def template(folder: Path, *commands: list[str]) -> Iterator[str]:
    """Yield the name of a database after these commands, distributed; nobody can connect to it, so that it can be copied."""
    from tests.support import citus

    # Each month is hundreds of files, which are copied for each test.
    (folder / "chatschema.toml").write_text("[partition]\nahead = 1\n", "utf-8")
    with citus.database() as made:
        for command in (*commands, ["cluster", "distribute", "--shards", "2", "--yes"]):
            done = run_cli(*command, "--url", made.url, cwd=folder, timeout=600)
            assert done.code == 0, done.err
        citus.lock_out(made.name)
        yield made.name


def reasons() -> dict[str, str]:
    """Return why each listed test does not apply."""
    return {test: one["reason"] for one in tomllib.loads(LIST.read_text("utf-8"))["one_server"] for test in one["tests"]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect each listed test to fail."""
    if not IS_ASKED:
        return
    listed = reasons()
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        if reason := listed.get(name) or listed.get(name.partition("[")[0]) or listed.get(name.partition("::")[0]):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
