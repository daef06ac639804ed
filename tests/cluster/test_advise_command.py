"""cluster advise and cluster check through the command line: on a real database, and as a role that may see next to nothing."""

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid


def test_a_seeded_database_stays(cli: Cli, seeded: Database) -> None:
    seeded.run("analyze")
    found = valid("cluster-advise", cli, seeded, "cluster", "advise")
    assert found["due"] == []
    steps = {step["name"]: step for step in found["steps"]}
    assert list(steps) == ["bound", "batch", "retention", "memory", "replica", "citus"]
    largest, count = seeded.one("select conversation_id::text, count(*) from public.messages group by 1 order by 2 desc, 1 limit 1")
    assert steps["bound"]["value"] == pytest.approx(count, rel=0.2)
    assert largest in steps["bound"]["because"]
    monthly = seeded.one(
        "select max(n) from (select count(*) as n from public.messages group by date_trunc('month', created_at, 'UTC')) as m"
    )
    assert steps["citus"]["value"] >= 0.5 * monthly
    assert steps["retention"]["state"] == "not due"
    # A fresh server has no rates yet, and says so.
    assert "how much is written and read" in [one["what"] for one in found["unseen"]]


def test_the_answer_for_people(cli: Cli, seeded: Database) -> None:
    result = cli("cluster", "advise", "--url", seeded.url)
    assert result.code == 0
    assert result.out.startswith("stay: no step is due\n\nstep       ")
    assert "not seen: how much is written and read: the statistics cover" in result.err


def test_a_role_that_may_see_nothing_is_told_what_it_does_not_see(cli: Cli, seeded: Database) -> None:
    role = f"looker_{seeded.name}"
    seeded.run("create extension if not exists pg_stat_statements; analyze")
    seeded.run("select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()))")
    seeded.run("select count(*) from public.messages")
    seeded.run(f"create role {role} login password 'tiger99'")
    url = seeded.server.url(seeded.name, user=role, password="tiger99")
    advice = cli("cluster", "advise", "--json", "--url", url)
    check = cli("cluster", "check", "--json", "--url", url)
    seeded.run(f"drop role {role}")
    assert (advice.code, check.code) == (0, 0), advice.err + check.err
    unseen = {one["what"]: one for one in advice.json()["unseen"]}
    assert unseen["the largest conversation"]["why"] == "its statistics are hidden from this role"
    hidden = unseen["the statements of the application"]
    assert hidden["why"].endswith("statements of other roles are hidden from this one")
    assert hidden["hint"] == f'grant pg_read_all_stats to "{role}";'
    assert [one["what"] for one in check.json()["unseen"]] == ["the statements of the application"]
    shown = cli("cluster", "check", "--url", seeded.url)
    assert shown.out.startswith("cluster.no-conversation: select count(*) from public.messages (1 call, ")


def test_before_the_migrations_there_is_nothing_to_scale_out(cli: Cli, empty: Database) -> None:
    for command in ("advise", "check"):
        result = cli("cluster", command, "--url", empty.url)
        assert (result.code, result.out) == (1, "")
        assert (
            result.err.splitlines()[0]
            == "error[cluster.not-migrated]: table messages does not exist, so there is nothing to scale out"
        )
