"""What a migration does when it really runs: its locks, seen by a second session after each statement; and its files and scans.

After each statement the file waits for an advisory lock, which the observer holds until it has looked.
"""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatschema.statements import Statements
from tests.support.cli import clean_environment
from tests.support.database import Database

_CLASS = 4711
_MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock",
    "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
# The manual, table 13.2, by the numbers in _MODES from 1.
_CONFLICTS = (
    {8},
    {7, 8},
    {5, 6, 7, 8},
    {4, 5, 6, 7, 8},
    {3, 4, 6, 7, 8},
    {3, 4, 5, 6, 7, 8},
    {2, 3, 4, 5, 6, 7, 8},
    set(range(1, 9)),
)
_LOCKS = """
    select distinct coalesce(pg_partition_root(c.oid), c.oid)::regclass::text, l.mode
    from pg_locks as l join pg_class as c on c.oid = l.relation
    where l.pid = %s and l.granted and l.locktype = 'relation' and c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'v', 'f')
        and l.database = (select oid from pg_database where datname = current_database())
        and c.relnamespace <> 'pg_toast'::regnamespace
"""
_FILES = """
    select c.oid::bigint, coalesce(pg_partition_root(c.oid), c.oid)::regclass::text, pg_relation_filenode(c.oid)::bigint,
        pg_relation_size(c.oid)
    from pg_class as c where c.oid >= 16384 and c.relkind in ('r', 'm')
"""
# Without the tables that migrate reads by itself.
_SCANS = """
    select coalesce(pg_partition_root(relid), relid)::regclass::text, sum(seq_scan)::bigint from pg_stat_user_tables
    where relname not in (
        '_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'migrations', 'protection', 'schema_records', 'retired_months',
        'applied_roles', 'repeatables'
    )
    group by 1
"""
_PATIENCE = "-- lock-timeout: 60s\n"

Locks = set[tuple[str, str]]


@dataclass(frozen=True)
class Observed:
    """At each wait the locks, all that are held then, and the seconds since the one before; the tables rewritten and read.

    `before`: the tables that existed before, which are the only ones that anybody can wait for.
    """

    locks: list[Locks]
    rewrites: set[str]
    scans: set[str]
    seconds: list[float]
    before: set[str]


def strongest(locks: Locks) -> Locks:
    """Return the locks without those that a stronger one on the same table implies."""
    return {(table, mode) for table, mode in locks if not any(t == table and _implies(other, mode) for t, other in locks)}


def _implies(stronger: str, weaker: str) -> bool:
    return _CONFLICTS[_MODES.index(weaker)] < _CONFLICTS[_MODES.index(stronger)]


def with_holds(text: str, *, since: int = 0) -> str:
    """Return a migration of one statement a paragraph that waits before the first and after each, at the places after `since`."""
    header, _, body = text.partition("\n")
    statements = [part for part in re.split(r"\n\n+", body.strip()) if part.strip()]
    parts = ["", *statements]
    held = [f"{part}\n\nselect pg_advisory_xact_lock({_CLASS}, {place});".lstrip() for place, part in enumerate(parts, since + 1)]
    return f"{header}\n{_PATIENCE}" + "\n\n".join(held) + "\n"


def file_with_holds(path: Path, *, since: int = 0) -> str:
    """Return the text of a migration that waits before its first statement and after each, at the places after `since`."""
    content = path.read_bytes()
    places = Statements(content)
    pieces, copied = [], 0
    for place, (start, end) in enumerate(zip(places.starts, places.ends, strict=True), since + 1):
        hold = f"select pg_advisory_xact_lock({_CLASS}, {place});\n"
        if place == since + 1:
            pieces += [content[copied:start].decode(), hold]
            copied = start
        semicolon = content.find(b";", end)
        after = semicolon + 1 if semicolon >= 0 else len(content)
        hold = f"select pg_advisory_xact_lock({_CLASS}, {place + 1});"
        pieces += [content[copied:end].decode(), ";\n", hold]
        copied = after
    header, _, rest = "".join([*pieces, content[copied:].decode()]).partition("\n")
    return f"{header}\n{_PATIENCE}{rest}"


def holds(text: str) -> int:
    """Return how often a migration waits."""
    return text.count("pg_advisory_xact_lock")


def observe(database: Database, count: int, command: Sequence[str], cwd: Path) -> Observed:
    """Run a command whose migration waits `count` times; return what it did."""
    files = {oid: (table, node) for oid, table, node, _ in database.all(_FILES)}
    scans = counts(database)
    locks: list[Locks] = []
    seconds: list[float] = []
    with database.connect() as observer:
        for place in range(1, count + 1):
            observer.execute("select pg_advisory_lock(%s, %s)", (_CLASS, place))
        process = subprocess.Popen(
            [sys.executable, "-m", "chatschema", *command], cwd=cwd, env=clean_environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        began = time.monotonic()
        for place in range(1, count + 1):
            pid = _waiting(observer, place, process)
            seconds.append(time.monotonic() - began)
            locks.append({(table, mode) for table, mode in observer.execute(_LOCKS.encode(), (pid,))})
            began = time.monotonic()
            observer.execute("select pg_advisory_unlock(%s, %s)", (_CLASS, place))
        out, _ = process.communicate(timeout=600)
        assert process.returncode == 0, out
    now = {oid: (node, size) for oid, _, node, size in database.all(_FILES)}
    written = [(table, now[oid][1]) for oid, (table, node) in files.items() if oid in now and now[oid][0] != node]
    rewritten = {table for table, size in written if size}
    # Truncated: the new file is empty, and was read for its indexes.
    emptied = {table for table, _ in written} - rewritten
    read = {table for table, number in counts(database).items() if table in scans and number > scans[table]}
    return Observed(locks, rewritten, read - emptied, seconds, set(scans))


def poll(database: Database, command: Sequence[str], cwd: Path) -> Locks:
    """Run a command that nobody can stop in time; return every lock that was seen meanwhile."""
    query = _LOCKS.replace("l.pid = %s", "l.pid in (select pid from pg_stat_activity where application_name = 'chatschema')")
    seen: Locks = set()
    with database.connect() as observer:
        process = subprocess.Popen(
            [sys.executable, "-m", "chatschema", *command], cwd=cwd, env=clean_environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        while process.poll() is None:
            seen |= {(table, mode) for table, mode in observer.execute(query.encode())}
        out, _ = process.communicate(timeout=600)
        assert process.returncode == 0, out
    return seen


def counts(database: Database) -> dict[str, int]:
    """Return how often each table was read whole, its partitions included; after the sessions that count have ended."""
    running = "select count(*) from pg_stat_activity where application_name = 'chatschema' and datname = current_database()"
    while database.one(running):
        time.sleep(0.05)
    return dict(database.all(_SCANS))


def _waiting(observer: Any, place: int, process: "subprocess.Popen[str]") -> int:
    """Return the pid of the session that waits at this place."""
    query = "select pid from pg_locks where locktype = 'advisory' and classid = %s and objid = %s and not granted"
    for _ in range(60_000):
        if row := observer.execute(query, (_CLASS, place)).fetchone():
            return int(row[0])
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    raise AssertionError(f"nobody waits at place {place}")


def predicted(document: Any, id: str) -> tuple[list[Locks], set[str], set[str]]:
    """Return what a dry run foretells of a migration with holds: the locks held at each of them, rewrites, and scans."""
    (file,) = [one for one in document["pending"] if one["id"] == id]
    held = {(plain(one["table"]), mode_name(one["mode"])) for one in document["locks"] if one["id"] == id}
    # Before each strong lock of the prelude comes the one that evicts autovacuum.
    held |= {(table, "ShareUpdateExclusiveLock") for table, _ in held}
    locks: list[Locks] = []
    for statement in file["statements"]:
        held |= {(plain(lock["relation"]), lock["mode"]) for lock in statement["locks"]}
        if "pg_advisory_xact_lock" in statement["sql"]:
            locks.append(set(held))
    rewrites = {plain(table) for one in file["statements"] for table in one["rewrites"] or ()}
    scans = {plain(table) for one in file["statements"] for table in one["scans"] or ()}
    return locks, rewrites, scans


def plain(name: str) -> str:
    """Return a name as regclass prints it while search_path is the default."""
    return name.removeprefix("public.")


def mode_name(words: str) -> str:
    return words.title().replace(" ", "") + "Lock"
