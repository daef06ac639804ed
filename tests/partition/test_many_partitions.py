"""A thousand partitions, day by day: all listed, none touched, nothing made where a day is already."""

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.days import make_days
from tests.support.pace import long


@long
def test_a_thousand_partitions_are_listed_and_left_alone(cli: Cli, migrated: Database) -> None:
    make_days(migrated, 493)
    attached = "select array_agg(inhrelid::regclass::text order by 1) from pg_inherits"
    before = migrated.one(attached)
    listed = cli("partition", "list", "--check", "--json", "--url", migrated.url)
    assert (listed.code, listed.json()["findings"]) == (0, [])
    assert len(listed.json()["partitions"]) == 2 * (493 + 7)
    assert {p["rows"] for p in listed.json()["partitions"]} == {0}
    assert cli("partition", "ensure", "--url", migrated.url).out == "nothing to do: no month is missing\n"
    since = migrated.one("select to_char(now() - interval '12 months', 'YYYY-MM')")
    assert cli("partition", "ensure", "--from", since, "--url", migrated.url).out == "nothing to do: no month is missing\n"
    retired = cli("partition", "retire", "--older-than", "1mo", "--grace", "0d", "--yes", "--url", migrated.url)
    assert retired.out == "nothing to do: no month is old enough\n"
    assert migrated.one(attached) == before
