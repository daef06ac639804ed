"""Everything that can be wrong with a server: said clearly, with exit code 4, and without the password."""

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.servers import private, programs

PASSWORD = "tiger99"


@pytest.fixture
def locked(migrated: Database) -> Iterator[Database]:
    """A database with a role that needs a password."""
    migrated.run(f"create role locked login password '{PASSWORD}'")
    yield migrated
    migrated.run("drop owned by locked; drop role locked")


def url(database: Database, password: str) -> str:
    return database.server.url(database.name, user="locked", password=password)


@contextmanager
def listening(answer: bytes | None = None) -> Iterator[int]:
    """Yield the port of something that is not PostgreSQL, or says it is an old one."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(8192)
                    if answer is not None:
                        client.sendall(answer)
                        client.recv(8192)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_the_right_password_connects(cli: Cli, locked: Database) -> None:
    result = cli("status", "--url", url(locked, PASSWORD))
    assert result.code == 0, result.err


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_fails_at_once_also_with_wait(cli: Cli, locked: Database, password: str) -> None:
    started = time.monotonic()
    result = cli("status", "--wait", "30", "--url", url(locked, password))
    assert result.code == 4
    assert "wrong user or password" in result.err
    assert time.monotonic() - started < 10


def test_a_missing_database_fails_at_once_and_says_how_to_make_it(cli: Cli, migrated: Database) -> None:
    started = time.monotonic()
    result = cli("migrate", "--wait", "30", "--url", migrated.server.url("no_such_database"))
    assert result.code == 4
    assert "no_such_database does not exist" in result.err
    assert "createdb no_such_database, or chatschema reset" in result.err
    assert time.monotonic() - started < 10


def test_no_server(cli: Cli) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = cli("status", "--url", f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d")
    assert result.code == 4
    assert f"cannot reach 127.0.0.1:{port}" in result.err
    assert "--wait 30" in result.err
    assert PASSWORD not in result.err


def test_no_such_host_and_no_such_socket(cli: Cli, tmp_path: Path) -> None:
    assert cli("status", "--url", "postgresql://host.invalid/d").code == 4
    assert cli("status", "--url", f"postgresql:///d?host={tmp_path}").code == 4


def test_tls_that_the_server_does_not_offer(cli: Cli, migrated: Database) -> None:
    result = cli("status", env={"DATABASE_URL": migrated.url, "DB_SSL": "true"})
    assert result.code == 4
    assert "does not offer TLS" in result.err


def test_wait_bridges_a_server_that_starts_later(cli: Cli, migrated: Database) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    target = (migrated.server.host, migrated.server.port)

    def open_late() -> None:
        time.sleep(2)
        forward(port, target)

    threading.Thread(target=open_late, daemon=True).start()
    late = migrated.url.replace(f":{migrated.server.port}/", f":{port}/").replace(migrated.server.host, "127.0.0.1")
    result = cli("status", "--wait", "20", "--url", late)
    assert result.code == 0, result.err
    assert "waiting for the server" in result.err


def forward(port: int, target: tuple[str, int]) -> None:
    """Pass connections on, as the network of a container does once it is up."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            client, _ = server.accept()
            upstream = socket.create_connection(target)
            threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
            threading.Thread(target=pump, args=(upstream, client), daemon=True).start()


def test_a_server_older_than_15(cli: Cli) -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    hello = message(b"R", struct.pack("!i", 0)) + message(b"S", b"server_version\x0014.13\x00")
    hello += message(b"S", b"client_encoding\x00UTF8\x00") + message(b"Z", b"I")
    with listening(hello) as port:
        result = cli("status", "--url", f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable&gssencmode=disable")
    assert result.code == 4
    assert "the server is PostgreSQL 14.13; chatschema needs 15 or later" in result.err


def test_something_that_is_not_postgresql(cli: Cli) -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        result = cli("status", "--url", f"postgresql://u@127.0.0.1:{port}/d")
    assert result.code == 4
    assert "Traceback" not in result.err


def test_a_read_only_standby(cli: Cli) -> None:
    told = "primary_conninfo = 'host=one.invalid,::1 port=5432,5433 password=geheim'"
    with private(programs("embedded"), "standby", standby=True, config=told) as standby:
        result = cli("migrate", "--url", standby.url("postgres"))
        assert result.code == 4
        assert "is a read-only standby, and this command writes" in result.err
        # It is not connected, but it knows where to.
        assert "use the primary (one.invalid:5432 or [::1]:5433)" in result.err
        assert "geheim" not in result.err
        with standby.connect("postgres") as connection:
            connection.execute("alter system set primary_conninfo = ''")
            connection.execute("select pg_reload_conf()")
            while connection.execute("show primary_conninfo").fetchone() != ("",):
                time.sleep(0.05)
        assert "it has no host in primary_conninfo" in cli("migrate", "--url", standby.url("postgres")).err
        status = cli("status", "--url", standby.url("postgres"))
        assert status.code == 0, status.err
        assert "standby" in status.out


def test_a_role_that_may_only_read(cli: Cli, locked: Database) -> None:
    result = cli("migrate", "--url", url(locked, PASSWORD))
    assert result.code == 1
    assert "permission denied" in result.err
    assert "hint:" in result.err
    status = cli("status", "--url", url(locked, PASSWORD))
    assert status.code == 0, status.err
    assert "users" in status.out
    locked.run("alter role locked set default_transaction_read_only = on")
    assert cli("migrate", "--url", url(locked, PASSWORD)).code == 4


def test_a_role_that_may_not_create_in_an_empty_database(cli: Cli, empty: Database) -> None:
    empty.run(f"create role locked login password '{PASSWORD}'")
    try:
        result = cli("migrate", "--url", url(empty, PASSWORD))
        assert result.code == 1
        assert "permission denied" in result.err
        assert empty.one("select to_regnamespace('chatschema') is null")
    finally:
        empty.run("drop role locked")


@pytest.mark.parametrize("arguments", [("migrate",), ("status", "--json"), ("reset", "--yes"), ("seed",), ("undo",)])
def test_no_output_ever_holds_the_password(cli: Cli, migrated: Database, arguments: tuple[str, ...]) -> None:
    """Also with --verbose, whose tracebacks show code and not values, and when the connection string is wrong."""
    for target in (url(migrated, PASSWORD), f"postgresql://u:{PASSWORD}@127.0.0.1:1/d", f"postgresql://u:{PASSWORD}%zz@h/d"):
        result = cli("--verbose", *arguments, env={"DATABASE_URL": target})
        assert result.code != 0
        assert PASSWORD not in result.out + result.err


def test_a_url_in_the_wrong_place_is_quoted_without_its_password(cli: Cli) -> None:
    for arguments in (("status", f"postgresql://u:{PASSWORD}@h/d"), (f"postgresql://u:{PASSWORD}@h/d",)):
        result = cli(*arguments)
        assert result.code == 2
        assert "****" in result.err
        assert PASSWORD not in result.err


def test_a_password_that_is_also_the_users_name_hides_no_word(cli: Cli, migrated: Database) -> None:
    target = migrated.server.url(migrated.name, password=migrated.server.password or "postgres")
    assert f"database {migrated.name}, as postgres" in cli("status", "--url", target).out


def test_the_command_line_of_pg_dump_holds_no_password(migrated: Database, tmp_path: Path) -> None:
    spy = tmp_path / "pg_dump"
    spy.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo "pg_dump (PostgreSQL) 99.0"; exit; }\necho "$@" >&2; exit 1\n')
    spy.chmod(0o755)
    code = "from chatschema import schema; from pathlib import Path; import sys; schema.dump(sys.argv[1], 15, programs=Path(sys.argv[2]))"
    target = f"host=h user=u password={PASSWORD} dbname=d"
    done = subprocess.run(
        [sys.executable, "-c", code, target, str(tmp_path)], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert "--schema-only" in done.stderr
    assert PASSWORD not in done.stderr


def test_the_clients_encoding_does_not_reach_a_migration(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    (sql_dir / "migrations" / "20990101000000_add_note.sql").write_text(
        "create table note (t text);\ninsert into note values ('café 👍');"
    )
    migrated.run(f"alter database {migrated.name} set search_path = chatschema, public")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir), env={"PGCLIENTENCODING": "LATIN1"})
    assert result.code == 0, result.err
    assert migrated.one("select t from public.note") == "café 👍"
