"""`make bench-seed`: `chatschema seed --messages` against plain COPY of the same rows, and ways through the finished tables.

Whole processes, one after the other on one private server with fsync on. With --small the sizes are those of a test, and the ratios
mean nothing. --messages 10m measures another size, without the slow ways.
"""

import argparse
import base64
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import peak
from tests.support.cli import Result, clean_environment, run_cli
from tests.support.database import Database, create
from tests.support.node import SOURCE
from tests.support.servers import PgServer, private, programs

UNTIL = "2026-11-01"
PEOPLE = ("users", "user_public_keys", "conversations", "conversation_participants")
BIG = ("messages", "message_statuses")
ROWS_BY_SEQUELIZE = 20_000


def main() -> None:
    """Print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    parser.add_argument("--messages", default="1m", help="how many messages")
    options = parser.parse_args()
    messages = "2000" if options.small else options.messages
    with_slow_ways = not options.small and messages == "1m"
    for kind in ("embedded",) if options.small else ("system", "embedded"):
        with private(programs(kind), kind) as server, tempfile.TemporaryDirectory() as folder:
            with server.connect("postgres") as admin:
                admin.execute("alter system set fsync = on")
                admin.execute("select pg_reload_conf()")
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}, {messages} messages\n", flush=True)
            Bench(server, Path(folder), messages).run(with_slow_ways=with_slow_ways)


class Bench:
    """The ways to load the same rows, on one server."""

    def __init__(self, server: PgServer, folder: Path, messages: str) -> None:
        self.server, self.folder, self.messages = server, folder, messages
        self.ours = 0.0

    def run(self, *, with_slow_ways: bool) -> None:
        """Seed the demo and this size by chatschema, then store its rows in the other ways."""
        self.demo()
        with self.migrated("ours") as database:
            self.seed(database)
            self.bare(database)
            if with_slow_ways:
                self.finished(database)
                self.sequelize(database)

    @contextmanager
    def migrated(self, name: str) -> Iterator[Database]:
        """Yield a migrated database."""
        for database in create(self.server, f"bench_{name}"):
            self.chatschema("migrate", "--url", database.url)
            yield database

    def demo(self) -> None:
        """Measure the demo's seeders, three times, each into a fresh database; without the start of the program."""
        for number in range(3):
            with self.migrated(f"demo_{number}") as database:
                seeded = self.chatschema("seed", "--url", database.url, "--json").json()["seeded"]
            took, rows = (sum(one[what] for one in seeded) for what in ("duration_ms", "rows"))
            report(f"the demo, {rows} rows", took / 1000, took / 3000, "limit: 3 s, 1.0")

    def seed(self, database: Database) -> None:
        """Measure the command, its memory, and the kinds of its work."""
        seed = ("seed", "--messages", self.messages, "--until", UNTIL, "--url", database.url)
        command = [sys.executable, "-m", "chatschema", *seed]
        started = time.perf_counter()
        memory = peak.memory(command, env=clean_environment(), cwd=self.folder)
        self.ours = time.perf_counter() - started
        report("chatschema seed, start-up included", self.ours)
        print(f"{'its peak memory':<52}{memory / 1e6:9.0f} MB", flush=True)
        with self.migrated("again") as again:
            document = self.chatschema(*seed[:-1], again.url, "--json").json()["bulk"]
        for work in document["work"]:
            report(f"  {work['name']}, all connections", work["duration_ms"] / 1000)
        rows = sum(month["messages"] + month["statuses"] for month in document["months"])
        size = database.one("select pg_database_size(current_database())")
        print(f"{'messages and statuses; size of the database':<52}{rows:9} {size / 1e6:9.0f} MB", flush=True)

    def bare(self, source: Database) -> None:
        """Measure one COPY a table, in binary, into tables without keys, and print the ratio."""
        took = 0.0
        with source.connect() as connection, tempfile.TemporaryFile(dir=self.folder) as file:
            for table in BIG:
                connection.execute(f"create table bare_{table} (like {table})".encode())
                dump(connection, f"copy (select * from {table}) to stdout (format binary)", file)
                took += load(connection, f"copy bare_{table} from stdin (format binary)", file)
                connection.execute(f"drop table bare_{table}".encode())
        report("plain COPY of the same rows into bare tables", took, self.ours / took, "aim: under 3.5 on 15, 4 on 18")

    def finished(self, source: Database) -> None:
        """Measure a COPY of two months of twelve into the finished tables, scaled."""
        with self.migrated("finished") as target, source.connect() as reading, target.connect() as writing:
            self.prepare(reading, writing, target)
            took = 0.0
            for table, key in zip(BIG, ("id", "message_id"), strict=True):
                lower, upper = (f"chatschema.uuid7_floor('2026-{month}-01 00:00+00')" for month in ("03", "05"))
                of = f"select * from {table} where {key} >= {lower} and {key} < {upper}"
                with tempfile.TemporaryFile(dir=self.folder) as file:
                    dump(reading, f"copy ({of} order by {key}) to stdout (format binary)", file)
                    took += load(writing, f"copy {table} from stdin (format binary)", file)
            share = target.one("select count(*) from messages") / source.one("select count(*) from messages")
        report(f"COPY of {share:.0%} into the finished tables, scaled", took / share, took / share / self.ours)

    def sequelize(self, source: Database) -> None:
        """Measure bulkCreate of Sequelize, scaled; left out where its packages cannot be installed."""
        folder = self.folder / "node"
        folder.mkdir()
        for path in SOURCE.glob("*.js*"):
            (folder / path.name).write_bytes(path.read_bytes())
        install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        try:
            subprocess.run(install, cwd=folder, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            print("Sequelize bulkCreate: skipped, as its packages cannot be installed")
            return
        with self.migrated("sequelize") as target, source.connect() as reading, target.connect() as writing:
            self.prepare(reading, writing, target)
            (folder / "rows.json").write_text(json.dumps(as_objects(reading)))
            done = subprocess.run(
                ["node", "bulk.js"], cwd=folder, capture_output=True, text=True, check=True,
                env=clean_environment({"DATABASE_URL": target.url, "ROWS": str(folder / "rows.json")}),
            )  # fmt: skip
            share = ROWS_BY_SEQUELIZE / source.one("select count(*) from messages")
        took = float(done.stdout) / share
        report("Sequelize bulkCreate of 20,000, scaled", took, took / self.ours, "aim: over 30")

    def chatschema(self, *arguments: str) -> Result:
        """Run the command; end the bench where it fails."""
        done = run_cli(*arguments, cwd=self.folder, timeout=7200)
        if done.code:
            raise SystemExit(done.err)
        return done

    def prepare(self, reading: Any, writing: Any, target: Database) -> None:
        """Create the months, and copy users and conversations."""
        self.chatschema("partition", "ensure", "--from", "2025-11", "--url", target.url)
        for table in PEOPLE:
            columns = ", ".join(
                row[0]
                for row in reading.execute(
                    "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and attgenerated = ''",
                    (table,),
                )
            )
            with tempfile.TemporaryFile(dir=self.folder) as file:
                dump(reading, f"copy {table} ({columns}) to stdout (format binary)", file)
                load(writing, f"copy {table} ({columns}) from stdin (format binary)", file)


def as_objects(connection: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the first messages and their statuses, for JSON."""
    plain = "reply_to_id is null and not is_deleted and message_type = 'text'"
    chosen = f"select * from messages where {plain} order by id limit {ROWS_BY_SEQUELIZE}"
    messages = [
        {"id": str(id), "conversation_id": str(conversation), "sender_id": str(sender), "message_type": "text",
         "content_encrypted": base64.b64encode(content).decode(), "created_at": said.isoformat(), "updated_at": said.isoformat()}
        for id, conversation, sender, content, said in connection.execute(
            f"select id, conversation_id, sender_id, content_encrypted, created_at from ({chosen}) as m".encode()
        )
    ]  # fmt: skip
    statuses = [
        {"message_id": str(message), "user_id": str(user), "status": status, "delivered_at": delivered.isoformat(),
         "read_at": read and read.isoformat()}
        for message, user, status, delivered, read in connection.execute(
            f"select message_id, user_id, status, delivered_at, read_at from message_statuses"
            f" where message_id in (select id from ({chosen}) as m)".encode()
        )
    ]  # fmt: skip
    return {"messages": messages, "statuses": statuses}


def dump(connection: Any, query: str, file: Any) -> None:
    """Write what a COPY sends to the file."""
    with connection.cursor() as cursor, cursor.copy(query.encode()) as stream:
        for piece in stream:
            file.write(piece)


def load(connection: Any, query: str, file: Any) -> float:
    """Send the file to a COPY; return the seconds."""
    file.seek(0)
    started = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(query.encode()) as stream:
        while piece := file.read(io.DEFAULT_BUFFER_SIZE * 32):
            stream.write(piece)
    took = time.perf_counter() - started
    file.seek(0)
    file.truncate()
    return took


def report(what: str, seconds: float, ratio: float | None = None, aim: str = "") -> None:
    """Print a line."""
    print(f"{what:<52}{seconds:9.2f} s{'' if ratio is None else f'   ratio {ratio:6.2f}'}  {aim}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
