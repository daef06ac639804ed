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
        assert valid("cluster-undistribute-dry-run", cli, citus, "cluster", "undistribute", "--dry-run")["steps"]
        assert valid("cluster-undistribute", cli, citus, "cluster", "undistribute", "--yes")["is_changed"] is True
