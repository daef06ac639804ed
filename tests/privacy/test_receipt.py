"""The receipt of an erasure can be checked by somebody who has the file and the public key alone."""

import json
from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import long


def test_a_signed_receipt_is_checked_without_the_database(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    for name in ("k", "other"):
        assert cli("audit", "key", "--out", name, "--name", f"{name}.example.com").code == 0
    erase = ("privacy", "erase", "alice", "--yes", "--key", "k", "--receipt", "alice.json", "--url", seeded.url)
    assert cli("privacy", "erase", "alice", "--yes", "--key", "k.pub", "--url", seeded.url).code == 2
    (tmp_path / "alice.json").write_text("mine")
    refused = cli(*erase)
    assert (refused.code, "nothing was erased" in refused.err, (tmp_path / "alice.json").read_text()) == (2, True, "mine")
    assert seeded.one("select count(*) from chatschema.privacy_requests") == 0
    (tmp_path / "alice.json").unlink()
    done = cli(*erase)
    assert (done.code, "(signed)" in done.out) == (0, True), done.err
    assert (tmp_path / "alice.json").stat().st_mode & 0o777 == 0o600
    checked = cli("privacy", "check-receipt", "alice.json", "--key", "k.pub")
    assert (checked.code, "signed by k.example.com" in checked.out) == (0, True), checked.err
    document = json.loads((tmp_path / "alice.json").read_text())
    assert document == cli("privacy", "list", "--json", "--url", seeded.url).json()["requests"][0]["receipt"]
    assert document["sha256"] == seeded.one(
        "select details->>'receipt_sha256' from public.audit_logs where action = 'privacy.erase'"
    )
    assert document["sha256"] in checked.out
    wrong = {
        "other key": (document, "other.pub"),
        "changed": (document | {"unreached": {"archive of 2024-01": "gone"}}, "k.pub"),
        "changed, with another hash": (document | {"sha256": "0" * 64}, "k.pub"),
        "without its note": (document | {"note": ""}, "k.pub"),
        "no receipt": ({"sha256": "x"}, "k.pub"),
    }
    for change, (forged, key) in wrong.items():
        (tmp_path / "forged.json").write_text(json.dumps(forged))
        result = cli("privacy", "check-receipt", "forged.json", "--key", key)
        assert (change, result.code) == (change, 3), result.out + result.err
    (tmp_path / "forged.json").write_bytes(b"\x00\xff")
    assert cli("privacy", "check-receipt", "forged.json").code == 3


@long
def test_the_signature_of_one_receipt_does_not_fit_another(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    assert cli("audit", "key", "--out", "k").code == 0
    for user in ("alice", "bob"):
        done = cli("privacy", "erase", user, "--yes", "--key", "k", "--receipt", f"{user}.json", "--url", seeded.url)
        assert done.code == 0, done.err
    one, other = (json.loads((tmp_path / f"{user}.json").read_text()) for user in ("alice", "bob"))
    (tmp_path / "mixed.json").write_text(json.dumps(one | {"note": other["note"]}))
    mixed = cli("privacy", "check-receipt", "mixed.json", "--key", "k.pub")
    assert (mixed.code, "another receipt" in mixed.err) == (3, True)
    # Nor is the note of an anchor one of a receipt.
    assert cli("audit", "seal", "--url", seeded.url).code == 0
    anchored = cli("audit", "anchor", "--key", "k", "--url", seeded.url).out
    (tmp_path / "mixed.json").write_text(
        json.dumps(one | {"note": anchored.split("\n\n")[0] + "\n\n" + anchored.split("\n\n")[1] + "\n"})
    )
    assert cli("privacy", "check-receipt", "mixed.json", "--key", "k.pub").code == 3
