"""Who may seal and who may verify: an auditor reads all that a check needs, and writes nothing."""

import uuid
from pathlib import Path

from tests.support import PASSWORD, sealed
from tests.support.access.world import dropped
from tests.support.cli import Cli
from tests.support.database import Database


def test_an_auditor_verifies_anchors_and_proves_and_an_analyst_does_not(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    with dropped(migrated.server, prefix):
        assert cli("roles", "apply", "--prefix", prefix, "--url", migrated.url).code == 0
        for group in ("auditor", "readonly"):
            migrated.run(f"create role {prefix}_{group}_login login password '{PASSWORD}' in role {prefix}_{group}")
        sealed.fill(migrated)
        (tmp_path / "k").write_text(sealed.KEY.text())
        (tmp_path / "k").chmod(0o600)
        (tmp_path / "k.pub").write_text(sealed.KEY.public().text())
        auditor, analyst = (
            migrated.server.url(migrated.name, user=f"{prefix}_{group}_login", password=PASSWORD)
            for group in ("auditor", "readonly")
        )
        entries = migrated.one("select count(*) from public.audit_logs")
        anchored = cli("audit", "anchor", "--key", "k", "--file", "anchor", "--url", auditor)
        assert (anchored.code, anchored.out) == (0, "anchored 4 seals: anchor\n"), anchored.err
        for options in ((), ("--quick",), ("--anchor", "anchor", "--key", "k.pub")):
            done = cli("audit", "verify", *options, "--json", "--url", auditor)
            assert done.code == 0, done.err
            assert (done.json()["entries"], done.json()["findings"]) == (entries, [])
        assert cli("audit", "prove", "7", "--url", auditor).code == 0
        for command in (("seal",), ("archive", "--out", "a"), ("seal", "--new-epoch", "x")):
            refused = cli("audit", *command, "--url", auditor)
            assert refused.code == 1, (command, refused.out, refused.err)
            assert "permission denied" in refused.err
            assert "Traceback" not in refused.err
        assert cli("audit", "verify", "--url", analyst).code == 1
        assert sealed.verified(migrated).seals == 4


def test_bad_input_is_an_error_in_words(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "nonsense").write_bytes(b"\xff\x00 nonsense")
    (tmp_path / "k").write_text(sealed.KEY.text())
    (tmp_path / "k").chmod(0o600)
    (tmp_path / "k.pub").write_text(sealed.KEY.public().text())
    url = ("--url", migrated.url)
    for command, code in (
        (("verify", *url), 1), (("verify", "--anchor", "nonsense", *url), 2), (("verify", "--anchor", "nonsense", "--key", "k.pub", *url), 3),
        (("verify", "--anchor", "k.pub", "--key", "nonsense", *url), 2), (("anchor", "--key", "nonsense", *url), 2), (("anchor", "--key", "k", *url), 1),
        (("anchor", "--key", "k.pub", *url), 2), (("prove", "1", *url), 1), (("prove", "x", *url), 2), (("check-proof", "nonsense"), 3),
        (("check-proof", "absent"), 1), (("archive", "--out", "a", "--before", "soon", *url), 2), (("seal", "--new-epoch", "a\nb", *url), 2),
        (("seal", "--new-epoch", "x", *url), 1), (("key", "--out", "k"), 2), (("key", "--out", "absent/k"), 1),
    ):  # fmt: skip
        done = cli("audit", *command)
        assert done.code == code, (command, done.out, done.err)
        assert "error" in done.err.lower() or "usage" in done.err.lower(), command
        assert "Traceback" not in done.err
        assert "this is a bug" not in done.err


def test_maintain_seals_and_says_where_it_must_not(cli: Cli, migrated: Database) -> None:
    sealed.add(migrated, 1, 3)
    done = cli("maintain", "--url", migrated.url)
    assert done.code == 0, done.err
    assert "sealed 3 audit entries as seal 1" in done.out
    assert sealed.verified(migrated).findings == ()
    sealed.add(migrated, 4, 5)
    with sealed.unguarded(migrated, None) as connection:
        connection.execute("update chatschema.audit_epochs set system_identifier = '1'")
    refused = cli("maintain", "--json", "--url", migrated.url)
    assert refused.code == 3, refused.err
    assert "warning: sealed: the audit trail was sealed in the cluster 1" in refused.err
    assert refused.json()["sealed"] == []
    assert refused.json()["analyzed"]


def test_a_database_in_another_encoding_is_not_sealed(cli: Cli, empty: Database) -> None:
    name = f"latin_{uuid.uuid4().hex[:8]}"
    with empty.server.connect("postgres") as admin:
        admin.execute(f"create database {name} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0".encode())
        try:
            url = empty.server.url(name)
            assert cli("migrate", "--url", url).code == 0
            refused = cli("audit", "seal", "--url", url)
            assert refused.code == 1
            assert "error[audit.encoding]: the database has the encoding LATIN1" in refused.err
            done = cli("maintain", "--url", url)
            assert done.code == 0, done.err
            assert "warning: the audit trail was not sealed" in done.err
        finally:
            admin.execute(f"drop database {name} with (force)".encode())


def test_an_anchor_goes_to_stdout_or_to_a_command(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    sealed.fill(migrated)
    (tmp_path / "k").write_text(sealed.KEY.text())
    (tmp_path / "k").chmod(0o600)
    options = ("--key", "k", "--url", migrated.url)
    printed = cli("audit", "anchor", *options)
    assert sealed.parsed(printed.out).signed_by == "test.example"
    assert cli("audit", "anchor", "--command", "cat > 'kept elsewhere'", *options).code == 0
    assert (tmp_path / "kept elsewhere").read_text() == printed.out
    failed = cli("audit", "anchor", "--command", "cat > /dev/null; exit 7", *options)
    assert failed.code == 1
    assert "error[audit.anchor-command]: the command ended with exit code 7" in failed.err
    sealed.add(migrated, 43, 43)
    sealed.seal_all(migrated)
    assert cli("audit", "anchor", "--file", "kept elsewhere", *options).out == "anchored 5 seals: kept elsewhere\n"
    assert len(sealed.parsed((tmp_path / "kept elsewhere").read_text()).leaves) == 5
    with sealed.unguarded(migrated, None) as connection:
        connection.execute("update chatschema.audit_seals set sealed_at = now() where number = 2")
    refused = cli("audit", "anchor", *options)
    assert refused.code == 3
    assert "seal 2 was changed" in refused.err
