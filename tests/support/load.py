"""The application's traffic, by pgbench: send a message, read a page, report what was read; and how long anybody waited."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.database import Database
from tests.support.servers import programs

SCRIPTS = {
    "send": """
        \\set n random(1, 50)
        insert into public.messages (conversation_id, sender_id, content_encrypted)
            select conversation_id, user_id, 'hello' from public.load where n = :n;
    """,
    "page": """
        \\set n random(1, 50)
        select * from public.messages where conversation_id = (select conversation_id from public.load where n = :n)
            order by id desc limit 50;
    """,
    "read": """
        \\set n random(1, 50)
        insert into public.message_statuses (message_id, user_id, status)
            select m.id, l.user_id, 'read' from public.load as l
            cross join lateral (select id from public.messages where conversation_id = l.conversation_id order by id desc limit 1) as m
            where l.n = :n
            on conflict (message_id, user_id) do update set status = excluded.status, read_at = now();
    """,
}
# Read a message of one of the last {days} days, then edit it.
EDIT = """
    \\set days random(1, {days})
    select coalesce((select id from public.messages where id >= chatschema.uuid7_floor(now() - :days * interval '1 day')
        order by id limit 1), '00000000-0000-7000-8000-000000000000') as id \\gset
    update public.messages set content_encrypted = 'edited', edited_at = now(), edit_count = edit_count + 1 where id = ':id';
"""
_PEOPLE = """
    insert into public.users (username) select 'load-' || i from generate_series(1, 50) as i;
    insert into public.conversations (title) select 'load-' || i from generate_series(1, 50) as i;
    create table public.load as
        select i as n, c.id as conversation_id, u.id as user_id from generate_series(1, 50) as i
        join public.users as u on u.username = 'load-' || i join public.conversations as c on c.title = 'load-' || i;
    alter table public.load add primary key (n);
    -- The first two read everything.
    insert into public.conversation_participants (conversation_id, user_id)
        select l.conversation_id, u.user_id from public.load as l join public.load as u on u.n in (1, 2, l.n);
"""
# Triggers and keys are off while it is filled: they would take minutes, and the rows are as they would leave them.
_FILL = """
    set session_replication_role = replica;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)
        select chatschema.uuid7(at), l.conversation_id, l.user_id, decode(repeat('5a', 120), 'hex'), date_trunc('milliseconds', at)
        from (select i, timestamptz '{month}-01 00:00+00' + i * interval '28 days' / {messages} as at
            from generate_series(0, {messages} - 1) as i) as t
        join public.load as l on l.n = 1 + i % 50;
    insert into public.message_statuses (message_id, user_id, conversation_id, status, delivered_at, read_at)
        select m.id, l.user_id, m.conversation_id, 'read', m.created_at, m.created_at
        from public.messages as m join public.load as l on l.n in (1, 2)
        where m.id >= chatschema.uuid7_floor('{month}-01 00:00+00') and m.id < chatschema.uuid7_floor(timestamptz '{month}-01 00:00+00' + interval '672 hours');
    insert into public.attachments (message_id, conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)
        select id, conversation_id, sender_id, id::text, 1, sha256('x'), 'a' from public.messages
        where id >= chatschema.uuid7_floor('{month}-01 00:00+00') and id < chatschema.uuid7_floor(timestamptz '{month}-01 00:00+00' + interval '672 hours')
            and substr(id::text, 36) = '0' and sender_id is not null;
"""


def prepare(database: Database, months: dict[str, int]) -> None:
    """Give the database people to talk, and these months so many messages each, twice as many statuses."""
    database.run(_PEOPLE)
    for month, messages in months.items():
        database.run(_FILL.format(month=month, messages=messages))
    database.run("vacuum analyze")


@dataclass
class Load:
    """What the clients met: transactions as (end in seconds since 1970, latency in seconds), and how many failed."""

    transactions: list[tuple[float, float]] = field(default_factory=list)
    failed: int = -1

    def longest(self, start: float, end: float) -> float:
        """Return the longest latency of the transactions that were under way between two moments, in seconds."""
        return max((latency for at, latency in self.transactions if at >= start and at - latency <= end), default=0.0)


@contextmanager
def running(
    database: Database, folder: Path, *, clients: int = 4, rate: int = 0, scripts: dict[str, str] = SCRIPTS
) -> Iterator[Load]:
    """Let clients work while the block runs; what they met is in the result afterwards. `rate` is transactions a second."""
    folder.mkdir(exist_ok=True)
    load = Load()
    files = []
    for name, text in scripts.items():
        path = folder / f"{name}.sql"
        # Only a semicolon ends a statement for pgbench, only a newline a backslash command.
        path.write_text(re.sub(r"^\s+", "", text, flags=re.MULTILINE))
        files += ["-f", f"{path}"]
    server = database.server
    command = [
        str(programs("embedded") / "pgbench"), "-n", "-c", str(clients), "-j", "1", "-T", "3600", "-l", f"--log-prefix={folder}/clients",
        "--max-tries=5", *(["-R", str(rate)] if rate else []), *files, server.url(database.name),
    ]  # fmt: skip
    with (folder / "pgbench.txt").open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=folder) as process:
        try:
            yield load
            assert process.poll() is None, f"the clients stopped: {(folder / 'pgbench.txt').read_text()}"
            _wait_until_written(folder, time.time())
        finally:
            process.terminate()
    errors = [line for line in (folder / "pgbench.txt").read_text().splitlines() if "ERROR" in line or "aborted" in line]
    load.failed = len(errors)
    for log in folder.glob("clients.*"):
        for line in log.read_text().splitlines():
            columns = line.split()
            if len(columns) >= 6 and columns[2].isdigit():
                load.transactions.append((int(columns[4]) + int(columns[5]) / 1e6, int(columns[2]) / 1e6))
            elif len(columns) >= 3 and not columns[2].isdigit():
                load.failed += 1


def _wait_until_written(folder: Path, moment: float) -> None:
    """Return once the logs have the transactions up to this moment: pgbench writes them in blocks, and loses the last one at its end."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for log in folder.glob("clients.*"):
            lines = log.read_text().splitlines()
            # The last line may be cut off.
            if len(lines) > 1 and len(columns := lines[-2].split()) >= 6 and int(columns[4]) > moment:
                return
        time.sleep(0.1)
