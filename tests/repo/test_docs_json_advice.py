"""The documents of the advice on scaling out are what their JSON Schemas say."""

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid


def test_advise_and_check(cli: Cli, migrated: Database) -> None:
    assert valid("cluster-advise", cli, migrated, "cluster", "advise")["due"] == []
    migrated.run("create table public.polls (id uuid references public.conversations (id))")
    assert valid("cluster-check", cli, migrated, "cluster", "check", code=3)["findings"][0]["code"] == "cluster.foreign-key"
