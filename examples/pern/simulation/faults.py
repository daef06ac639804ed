"""What happens on the way, and when: at a share of the messages, one after the other."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

from chatschema import assets
from examples.pern.stack import Stack, database

# The worst first of what belongs together: a Redis that comes back with what it once had. Seconds away.
OF_PROGRAMS = (
    ("redis-remember", 0), ("api-kill", 1), ("redis-kill", 2), ("replica-kill", 2), ("pgbouncer-restart", 0.5), ("redis-old", 1),
    ("primary-restart", 1), ("worker-kill", 2), ("replica-pause", 6), ("primary-kill", 1), ("redis-empty", 1), ("redis-pause", 3),
)  # fmt: skip


class Operations:
    """What an operator does beside the application: chatschema on the command line, as owner."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        """Keep the operator's files in `folder`: the project's own migrations and chatschema.toml."""
        self.stack, self.folder, self.owner = stack, folder, stack.state["owner"]
        folder.mkdir(exist_ok=True)
        (folder / "chatschema.toml").write_text('[partition]\nkeep = "2mo"\ngrace = "0d"\narchive = false\n')

    def run(self, *command: str) -> str:
        """Run chatschema. Raises RuntimeError."""
        return database.chatschema(*command, url=self.owner, cwd=self.folder)

    def add_old_messages(self, conversation: str, month: str) -> None:
        """Put thirty messages of a past month into a conversation, readable for its members."""
        self.run("partition", "ensure", "--from", month)
        self.stack.faults.primary.sql(
            f"""
            begin;
            set local session_replication_role = replica;
            update public.conversation_participants set reads_from = '{month}-01 00:00+00'
            where conversation_id = '{conversation}';
            set local session_replication_role = origin;
            insert into public.messages
                (id, conversation_id, sender_id, content_encrypted, content_nonce, content_algorithm, key_version)
            select overlay(chatschema.uuid7_floor('{month}-10'::timestamptz + g * interval '1 minute')::text
                    placing substr(gen_random_uuid()::text, 25) from 25)::uuid,
                p.conversation_id, p.user_id, decode(repeat('ab', 40), 'hex'), uuid_send(gen_random_uuid()),
                'xchacha20poly1305-ietf', 1
            from generate_series(1, 30) as g
            cross join (select * from public.conversation_participants where conversation_id = '{conversation}' limit 1) as p;
            commit;
            """,
            database.DATABASE,
        )

    def migrate(self) -> None:
        """Add a column and build an index while people write: an online change in several files."""
        shutil.copytree(assets.sql_dir(), self.folder / "sql")
        self.run("new", "migration", "--sql-dir", "sql", "--recipe", "add-column", "messages", "lang", "text not null default 'en'")
        self.run("new", "migration", "--sql-dir", "sql", "--index", "messages", "(sender_id, created_at)")
        (self.folder / "chatschema.toml").write_text('sql_dir = "sql"\n' + (self.folder / "chatschema.toml").read_text())
        self.run("migrate")

    def maintain(self) -> None:
        """Run the daily job: it retires the old month. Raises RuntimeError if the month is still there."""
        self.run("maintain")
        left = self.stack.faults.primary.sql(
            "select count(*) from public.messages where created_at < now() - interval '60 days'", database.DATABASE
        )
        if left != "0":
            raise RuntimeError(f"maintain left {left} messages of the old month")

    def erase(self, username: str) -> None:
        """Erase a user who is online."""
        self.run("privacy", "erase", username, "--yes")


def plan(stack: Stack, operations: Operations, erased: str, *, full: bool) -> list[tuple[str, Callable[[], None]]]:
    """Return what happens, in order: all faults, or two of programs; and all that an operator does, or an erasure and maintain."""
    faults = OF_PROGRAMS if full else (("redis-kill", 1), ("api-kill", 0.5))
    happens: list[tuple[str, Callable[[], None]]] = [(name, functools.partial(stack.fault, name, down)) for name, down in faults]
    happens.insert(len(happens) // 3, ("maintain", operations.maintain))
    happens.insert(2 * len(happens) // 3, ("erase", lambda: operations.erase(erased)))
    if full:
        happens.insert(len(happens) // 2, ("migrate", operations.migrate))
    return happens
