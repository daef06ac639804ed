"""The tests of triggers, checks and guards on a distributed database: CHATSCHEMA_TEST_SERVER=citus (make test-cluster).

Their databases are copies of one that was migrated and distributed, on the coordinator and on each worker. Tests that do not apply
there are listed with the reason in tests/cluster/one_server.toml; one of them that passes all the same fails the run.
"""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.cli import run_cli

LIST = Path(__file__).parent.parent / "cluster" / "one_server.toml"
_INSERT = re.compile(
    r"insert into public\.(?:message_statuses|attachments)(?: as \w+)? \((?P<columns>message_id,[^)]*)\)\s+values \((?=%s)"
)
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


def worded(connection: "psycopg.Connection[Any]", query: str, params: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    """Return a statement as docs/how-to/scale-out.md says that the application changes it: with conversation_id.

    The conversation is looked up by the message, which is the first parameter. Only inserts of one row are changed.
    """
    query = query.replace("on conflict (message_id, user_id)", "on conflict (conversation_id, message_id, user_id)")
    match = _INSERT.search(query)
    if not match or "conversation_id" in match["columns"] or not params:
        return query, params
    found = connection.execute("select conversation_id from public.messages where id = %s", params[:1]).fetchone()
    if not found:
        return query, params
    begin, values = match.start("columns"), match.end()
    text = f"{query[:begin]}conversation_id, {query[begin:values]}%s, {query[values:]}"
    return text, (found[0], *params)


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
