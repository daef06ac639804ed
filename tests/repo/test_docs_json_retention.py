"""The documents of the retention commands are what their JSON Schemas say."""

from pathlib import Path

from tests.support import kept
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid


def test_plan_check_and_run(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(kept.TOML)
    seeded.run(
        "update public.conversations set retention_days = 1 where id = (select conversation_id from public.messages order by id limit 1)"
    )
    rules = valid("retention-plan", cli, seeded, "retention", "plan")["rules"]
    assert {one["keep"] for one in rules} >= {None, "90d", "by conversation"}
    assert valid("retention-check", cli, seeded, "retention", "check", code=3)["overdue"]
    over = valid("retention-run", cli, seeded, "retention", "run", "--yes", "--for", "0s", code=3)
    assert (over["removed"], over["is_over"]) == ([], True)
    assert valid("retention-run", cli, seeded, "retention", "run", "--yes")["removed"][0]["rule"] == "retention_days"
    seeded.run("insert into chatschema.erased_names values (sha256('x'), now() - interval '1 day')")
    assert valid("maintain", cli, seeded, "maintain")["retention"][0]["rule"] == "erased_names"
