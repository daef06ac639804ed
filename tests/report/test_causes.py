"""One cause is one finding of the overview, and comes first; what follows from it is named on its line."""

import re
from pathlib import Path

from conftest import Cli, create
from damages.waits import ALTER, READ, Waiting
from reports import FSYNC
from servers import PgServer, private, programs


def test_a_lock_queue_that_fills_the_connections(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    """Twelve clients wait behind an ALTER, and 13 of the 17 places are taken: the lock is the cause, not the size of the pool."""
    (tmp_path / "chatschema.toml").write_text(FSYNC)
    kind = server.name if server.name in ("embedded", "system") else "system"
    with private(programs(kind), kind, config="max_connections = 20") as own:
        for database in create(own, "chained"):
            assert cli("migrate", "--url", database.url).code == 0
            with Waiting(database) as sessions:
                sessions.open("pg_dump", "begin isolation level repeatable read", READ)
                alter = sessions.wait("deploy", ALTER)
                for _ in range(11):
                    sessions.wait("chat-api", READ)
                result = cli("report", "--url", database.url)
                first, *others = [line for line in result.out.splitlines() if line.startswith(("CRIT", "WARN"))]
                text = " ".join(result.out.split())
                assert re.match(r"(CRIT|WARN)\s+locks\.queue\s", first), result.out
                assert f"{alter.info.backend_pid} (postgres, deploy): waits" in text
                assert "explains connections.used" in text
                assert not any("connections" in line for line in others)
                assert "next: chatschema report locks" in result.out
                document = cli("report", "connections", "--json", "--url", database.url).json()
                (used,) = document["reports"][0]["findings"]
                assert (used["cause"], used["fix"]) == ("locks", "chatschema report locks")
                assert "12 of them wait for a lock" in used["message"]


def test_a_forgotten_transaction_that_others_wait_for(cli: Cli, server: PgServer, seeded_template: str, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.transactions]\nidle_warn_ms = 0\n[report.locks]\nblocked_warn = 1\n" + FSYNC)
    for database in create(server, "chained", seeded_template):
        update = "update public.users set status = 'away' where username = 'bob'"
        with Waiting(database) as sessions:
            root = sessions.open("forgotten", "begin", update)
            sessions.wait("chat-api", update)
            text = " ".join(cli("report", "--url", database.url).out.split())
            assert re.search(
                rf"WARN locks\.blocking {root.info.backend_pid} \(postgres, forgotten\): .*; explains transactions\.idle", text
            ), text
            # Where nobody waits, the transaction is the finding.
            alone = sessions.open("beside", "begin", READ)
            text = " ".join(cli("report", "--url", database.url).out.split())
            assert f"WARN transactions.idle {alone.info.backend_pid} (postgres, beside)" in text
