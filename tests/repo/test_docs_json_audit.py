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
    user, key = "019b76da-a800-7000-8000-000000000000", "019b76da-a800-7000-8000-000000000001"
    published = f"{user}/{key}/{'ab' * 32}"
    migrated.run(
        "insert into public.audit_logs (action, resource_type, resource_id) values ('key.publish', 'user_public_key', %s)",
        published,
    )
    assert cli("audit", "prove-key", user, "--url", migrated.url).code == 1
    assert cli("audit", "seal", "--url", migrated.url).code == 0
    for id in (user, key):
        assert len(valid("audit-prove-key", cli, migrated, "audit", "prove-key", id)["proofs"]) == 1
    (tmp_path / "proofs").write_text(cli("audit", "prove-key", user, "--url", migrated.url).out * 2)
    proofs = cli("audit", "check-proof", "proofs", "--json").json()["proofs"]
    assert [one["entry"]["resource_id"] for one in proofs] == [published, published]
    assert cli("audit", "prove-key", "nobody", "--url", migrated.url).code == 2
    assert valid("audit-archive", cli, migrated, "audit", "archive", "--out", "a")["archived"]
    assert valid("audit-seal", cli, migrated, "audit", "seal", "--new-epoch", "a test")["epoch"]
    migrated.run("alter table public.audit_logs disable trigger audit_logs_refuse_change")
    assert valid("audit-verify", cli, migrated, "audit", "verify", code=3)["findings"]
