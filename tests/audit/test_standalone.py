"""The verifier of one file, which imports nothing of chatschema, agrees with the package; and so do proofs and archives."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from chatschema.audit import anchor, archive_file, fields, keys, proof, records, seal, tree
from chatschema.audit.keys import NotGenuine
from chatschema.errors import UsageError
from tests.support import ROOT, sealed
from tests.support.cli import Cli
from tests.support.database import Database

VERIFIER = ROOT / "examples" / "verify_audit.py"
BLANK = "update public.audit_logs set pii_salt = null, ip_address = null, user_agent = null, details = null where id = 12"


@dataclass(frozen=True)
class Alone:
    """What the verifier of one file printed."""

    code: int
    out: str


def alone(*arguments: str | Path, cwd: Path) -> Alone:
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return Alone(done.returncode, done.stdout)


def written(database: Database, folder: Path) -> tuple[str, ...]:
    """Write the anchor and its key into the folder, and return the options that name them."""
    (folder / "anchor").write_text(sealed.anchored(database))
    (folder / "k.pub").write_text(sealed.KEY.public().text())
    return "--anchor", "anchor", "--key", "k.pub"


def test_it_agrees_on_a_clean_trail_with_every_kind_of_value(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("""
        insert into public.audit_logs (user_id, action, resource_type, resource_id, severity, ip_address, user_agent, session_id, request_id,
            created_at, details)
        values (gen_random_uuid(), 'ä €', 'x', repeat('y', 3000), 'critical', '::ffff:10.0.0.1', E'line\\nbreak\\t"', gen_random_uuid(), '', 'infinity', '[1, 1.50, "\\u2028"]'),
            (null, '😀', null, null, 'debug', '2001:db8::/32', '', null, null, '-infinity', '{"b": null, "a": "\\\\"}'),
            (null, 'old', null, null, 'info', '10.0.0.0/8', null, null, null, '0044-03-15 BC', 'null'), (null, 'far', null, null, 'info', null, null, null, null, '20000-01-01', '""')
    """)
    with sealed.unguarded(migrated, None) as connection:
        # In the order of numbers, which is not that of their text.
        connection.execute("update public.audit_logs set txid = case id when 1 then '9' else '100' end::xid8 where id in (1, 2)")
    sealed.fill_more(migrated)
    migrated.run(BLANK)
    anchored = written(migrated, tmp_path)
    assert cli("audit", "archive", "--out", "a", "--url", migrated.url).code == 0
    assert sealed.verified(migrated, (tmp_path / "anchor").read_text()).findings == ()
    online = alone("--url", migrated.url, *anchored, cwd=tmp_path)
    assert (online.code, online.out) == (0, "3 seals, 24 entries, 0 wrong\n")
    offline = alone("--archive", "a", *anchored, cwd=tmp_path)
    assert (offline.code, offline.out.splitlines()[-1]) == (0, "3 seals, 24 entries, 0 wrong")


def test_it_agrees_on_a_trail_that_was_changed(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    sealed.fill(migrated)
    anchored = written(migrated, tmp_path)
    assert cli("audit", "archive", "--out", "a", "--url", migrated.url).code == 0
    with sealed.unguarded(migrated, None) as connection:
        connection.execute(
            "update public.audit_logs set action = 'b' where id = 15; update public.audit_logs set user_agent = 'b' where id = 25"
        )
        connection.execute(
            "update public.audit_logs set pii_salt = null, ip_address = null, user_agent = null, details = null where id = 26"
        )
        connection.execute("delete from public.audit_logs where id = 40")
        sealed.recompute(connection, 4)
    found = {(one.kind, one.seal, one.entry) for one in sealed.verified(migrated, (tmp_path / "anchor").read_text()).findings}
    assert found == {("changed", 2, 15), ("personal", None, 25), ("erased", None, 26), ("anchor", 4, None)}
    online = alone("--url", migrated.url, *anchored, cwd=tmp_path)
    assert online.code == 3
    assert online.out.splitlines()[:-1] == [
        "wrong: the entries of seal 2 are not those that were sealed",
        "wrong: entry 25: its address, user agent, details or salt was changed",
        "wrong: seal 4 is not the one in the anchor",
        "wrong: entry 26: its personal data is gone, and no erasure names it",
    ]
    # The files were written before.
    assert alone("--archive", "a", *anchored, cwd=tmp_path).code == 0
    again = cli("audit", "archive", "--out", "b", "--url", migrated.url)
    assert again.out == "nothing to do: each of these seals has a file\n"


def test_it_agrees_on_a_trail_of_two_epochs_of_which_a_part_was_removed(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    sealed.fill(migrated)
    assert cli("audit", "archive", "--out", "a", "--before", "2999-01-01", "--url", migrated.url).code == 0
    with sealed.connected(migrated) as connection:
        seal.begin_epoch(connection, "a test of two epochs", wait_s=5)
    sealed.seal_all(migrated)
    migrated.run(
        "update chatschema.audit_seals set removed_at = now() where number = 1; delete from public.audit_logs where id <= 10"
    )
    anchored = written(migrated, tmp_path)
    done = sealed.verified(migrated, (tmp_path / "anchor").read_text())
    assert (done.findings, done.seals, done.removed, done.epochs) == ((), 6, 1, 2)
    online = alone("--url", migrated.url, *anchored, cwd=tmp_path)
    removed = "10 entries are only in archives: check those with --archive\n"
    assert (online.code, online.out, done.only_archived) == (0, f"{removed}6 seals, {done.entries} entries, 0 wrong\n", 10)
    offline = alone("--archive", "a", *anchored, cwd=tmp_path)
    assert offline.code == 3
    assert "the anchor has 6 seals, and there are 4 here" in offline.out


def test_it_refuses_a_forged_anchor_and_a_forged_file(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    sealed.fill(migrated)
    anchored = written(migrated, tmp_path)
    assert cli("audit", "archive", "--out", "a", "--url", migrated.url).code == 0
    text = (tmp_path / "anchor").read_text()
    (tmp_path / "anchor").write_text(text.replace("test.example ", "test.example A", 1))
    forged = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), "--archive", "a", *anchored],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert forged.returncode == 1
    (tmp_path / "anchor").write_text(text)
    import gzip

    file = tmp_path / "a" / "seal-0000000002.jsonl.gz"
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b'"a15"', b'"b15"')))
    assert (
        alone("--archive", "a", *anchored, cwd=tmp_path).out.splitlines()[0]
        == "wrong: the entries of seal 2 are not those that were sealed"
    )


@pytest.mark.parametrize("text", [b"", b"a note\n", bytes(range(256)) * 40])
def test_its_signatures_are_those_of_ed25519(text: bytes) -> None:
    scope: dict[str, object] = {"__name__": "verify_audit"}
    exec(compile(VERIFIER.read_text(), str(VERIFIER), "exec"), scope)  # noqa: S102  # it is no module of a package
    check = scope["_is_signed"]
    assert callable(check)
    key = SigningKey(b"k" * 32)
    signature = bytes(key.sign(text).signature)
    public = bytes(key.verify_key)
    assert check(public, text, signature)
    for wrong in (bytes(64), signature[:32] + bytes(32), bytes([signature[0] ^ 1]) + signature[1:], signature[:-1]):
        try:
            assert not check(public, text, wrong)
        except ValueError:
            continue
    assert not check(public, text + b" ", signature)


def test_a_proof_is_small_and_any_change_of_it_is_found(migrated: Database) -> None:
    text = sealed.fill(migrated)
    anchor = (text, sealed.parsed(text).leaves)
    with sealed.connected(migrated) as connection:
        made = {id: proof.prove(connection, id, anchor) for id in (1, 17, 40)}
    for id, one in made.items():
        assert len(one) < 2560
        proved = proof.check(one, sealed.KEY.public())
        assert (proved.entry["id"], proved.signed_by) == (id, "test.example")
        document = json.loads(one)
        for key in ("row", "path", "seals_path"):
            wrong = {**document, key: ("B" if document[key][40] != "B" else "C").join((document[key][:40], document[key][41:]))}
            with pytest.raises(NotGenuine):
                proof.check(json.dumps(wrong), sealed.KEY.public())
        for key, value in (
            ("index", document["index"] + 1),
            ("seal", document["seal"].replace("rows 10", "rows 11")),
            ("note", document["note"].replace("\n4\n", "\n5\n")),
            ("format", "x"),
        ):
            with pytest.raises(NotGenuine):
                proof.check(json.dumps({**document, key: value}), sealed.KEY.public())
    for nothing in ("", "[]", "{}", "null", "\x00"):
        with pytest.raises(NotGenuine):
            proof.check(nothing, None)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 4095, 4096, 4097, 8192, 10000])
def test_trees_are_those_of_rfc_6962(size: int) -> None:
    def recursive(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        return tree._node(recursive(leaves[:half]), recursive(leaves[half:]))

    leaves = [tree.leaf_hash(str(i).encode()) for i in range(size)]
    made = tree.Tree()
    for start in range(0, size, 999):
        made.add(leaves[start : start + 999])
    assert made.root() == recursive(leaves)
    for index in {0, size // 2, size - 1}:
        path = tree.path(leaves, index)
        assert tree.root_by(leaves[index], index, size, path) == made.root()
        assert tree.root_by(leaves[index], index, size, [*path, path[0] if path else b""]) is None


def test_an_entry_is_read_back_as_the_bytes_it_was(migrated: Database) -> None:
    sealed.fill(migrated)
    with sealed.connected(migrated) as connection:
        from psycopg import sql

        from chatschema.audit import canonical

        for pairs in canonical.entries(connection, sql.SQL("true"), sql.SQL("null::bytea")):
            assert all(fields.encode(fields.decode(record)) == record for record, _ in pairs)


def test_keys_are_kept_from_others_and_never_overwritten(tmp_path: Path) -> None:
    made = keys.create(tmp_path / "k", "test.example")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert keys.read_public(tmp_path / "k.pub") == made == keys.read_private(tmp_path / "k").public()
    with pytest.raises(UsageError, match="exists"):
        keys.create(tmp_path / "k", "x")
    with pytest.raises(UsageError, match="cannot name a key"):
        keys.create(tmp_path / "l", "a b")
    with pytest.raises(UsageError, match="is no public key"):
        keys.read_public(tmp_path / "k")
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(UsageError, match="can be read by others"):
        keys.read_private(tmp_path / "k")


def test_archives_and_anchors_of_the_first_format_verify(tmp_path: Path) -> None:
    """Written by the first release that sealed: whatever comes later, these bytes verify."""
    kept = Path(__file__).parent / "format-1"
    offline = alone("--archive", kept, "--anchor", kept / "anchor", "--key", kept / "key.pub", cwd=tmp_path)
    assert (offline.code, offline.out.splitlines()[-1]) == (0, "4 seals, 11 entries, 0 wrong")
    known = anchor.parse((kept / "anchor").read_text("utf-8"), keys.read_public(kept / "key.pub"))
    for number, hashed in enumerate(known.leaves, 1):
        path = kept / f"seal-{number:010}.jsonl.gz"
        text = archive_file.record_of(path)
        assert text
        assert tree.leaf_hash(text.encode()) == hashed
        values = records.parse(text.encode())
        made = records.Seal(number, 1, 0, 0, int(values["rows"]), 0, 0, bytes.fromhex(values["root"]), b"", b"", datetime.now(UTC))
        assert archive_file.check(path, made) is None
