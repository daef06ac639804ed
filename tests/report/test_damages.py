"""Each damage is found, with the right object and the right number, and what the report says to run makes the finding go away."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.damages import Damage, Truth, everything
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.reports import FSYNC, findings, run_fix
from tests.support.servers import PgServer, beside

DAMAGES = everything()
_GONE_WITHIN_S = 10


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name.replace(" ", "-"))
def test_a_damage_is_found_and_its_fix_mends_it(
    cli: Cli, server: PgServer, seeded_template: str, tmp_path: Path, damage: Damage
) -> None:
    (tmp_path / "chatschema.toml").write_text(damage.toml + FSYNC)
    for database in _database(cli, server, seeded_template, damage):
        with damage.build(database) as truth:
            found = _found(cli, database, damage, truth)
            assert found, f"{damage.report}.{damage.check} does not name {truth.object}"
            if truth.value is not None:
                assert found["value"] == pytest.approx(truth.value, rel=truth.within), found["message"]
            assert truth.says in found["message"]
            if damage.decision:
                return
            assert found["fix"], found["message"]
            run_fix(cli, database, found["fix"])
            deadline = time.monotonic() + _GONE_WITHIN_S
            while (left := _found(cli, database, damage, truth)) and time.monotonic() < deadline:
                time.sleep(0.5)
            assert not left, f"after its fix {found['fix']!r} it is still there: {left}"


def test_few_findings_are_left_to_the_reader() -> None:
    assert sum(bool(damage.decision) for damage in DAMAGES) <= 10


def _database(cli: Cli, server: PgServer, template: str, damage: Damage) -> Iterator[Database]:
    if not damage.settings:
        yield from create(server, f"damaged_{time.time_ns()}", template)
        return
    with beside(server, config=damage.settings) as own:
        for database in create(own, "damaged"):
            done = cli("migrate", "--url", database.url)
            assert done.code == 0, done.err
            yield database


def _found(cli: Cli, database: Database, damage: Damage, truth: Truth) -> dict[str, Any] | None:
    database.one("select pg_stat_force_next_flush()")
    found = findings(cli, database, damage.report).values()
    return next((f for f in found if f["check"] == damage.check and truth.object in (f["object"] or f["message"])), None)
