"""The documents of chatschema audit are what their JSON Schemas say."""

import json
from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import check, valid


def test_audit(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into public.audit_logs (action) values ('x')")
    check("audit-key", cli("audit", "key", "--out", "k", "--name", "test", "--json").json())
    assert valid("audit-seal", cli, migrated, "audit", "seal")["sealed"]
    assert valid("audit-anchor", cli, migrated, "audit", "anchor", "--key", "k", "--file", "anchor")["seals"] == 1
    anchored = ("--anchor", "anchor", "--key", "k.pub")
    assert valid("audit-verify", cli, migrated, "audit", "verify", *anchored)["anchored"] == 1
    (tmp_path / "proof").write_text(json.dumps(valid("audit-prove", cli, migrated, "audit", "prove", "1", *anchored)))
    check("audit-check-proof", cli("audit", "check-proof", "proof", "--key", "k.pub", "--json").json())
    assert valid("audit-archive", cli, migrated, "audit", "archive", "--out", "a")["archived"]
    assert valid("audit-seal", cli, migrated, "audit", "seal", "--new-epoch", "a test")["epoch"]
    migrated.run("alter table public.audit_logs disable trigger audit_logs_refuse_change")
    assert valid("audit-verify", cli, migrated, "audit", "verify", code=3)["findings"]
