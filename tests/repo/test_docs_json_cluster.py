"""The documents of the commands of a cluster are what their JSON Schemas say."""

from tests.support.citus import database, needs_citus
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid


def test_one_server_has_nothing_to_bring_back(cli: Cli, migrated: Database) -> None:
    assert valid("cluster-undistribute", cli, migrated, "cluster", "undistribute", "--yes")["is_changed"] is False
    assert valid("cluster-undistribute-dry-run", cli, migrated, "cluster", "undistribute", "--dry-run")["steps"] == []


@needs_citus
def test_a_cluster(cli: Cli) -> None:
    with database() as citus:
        assert cli("migrate", "--url", citus.url).code == 0
        assert valid("cluster-distribute-dry-run", cli, citus, "cluster", "distribute", "--dry-run")["steps"]
        assert valid("cluster-distribute", cli, citus, "cluster", "distribute", "--shards", "2", "--yes")["tables"]
        assert valid("cluster-relay", cli, citus, "cluster", "relay") == {"moved": 0, "lists": 0}
        assert valid("cluster-relay", cli, citus, "cluster", "relay", "--repair")["repaired"] == 0
        assert len(valid("cluster-status", cli, citus, "cluster", "status")["nodes"]) > 2
        assert valid("cluster-verify", cli, citus, "cluster", "verify")["findings"] == []
        assert valid("cluster-rebalance", cli, citus, "cluster", "rebalance", "--dry-run")["after"] == []
        citus.run("insert into public.conversations (id, title) values ('019b76da-a800-7000-8000-000000000000', 'room')")
        isolate = ("cluster", "isolate", "019b76da-a800-7000-8000-000000000000", "--dry-run")
        assert valid("cluster-isolate", cli, citus, *isolate)["shard"] is None
        worker = next(
            node for node in valid("cluster-status", cli, citus, "cluster", "status")["nodes"] if not node["is_coordinator"]
        )
        added = valid("cluster-add", cli, citus, "cluster", "add", f"{worker['host']}:{worker['port']}", "--yes")
        assert (added["is_changed"], added["steps"]) == (False, [])
        assert valid("cluster-undistribute-dry-run", cli, citus, "cluster", "undistribute", "--dry-run")["steps"]
        assert valid("cluster-undistribute", cli, citus, "cluster", "undistribute", "--yes")["is_changed"] is True
