"""The report on security: what it judges beside the damages, what it says to a role that may not see, and files of this machine."""

import re
import socket
import tempfile
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.reports import findings
from tests.support.servers import PgServer, beside

PARTS = Path(__file__).parents[2] / "sql" / "reports" / "parts"


def security(cli: Cli, url: str) -> dict[str, Any]:
    result = cli("report", "security", "--json", "--url", url)
    assert result.code == 0, result.err
    (report,) = result.json()["reports"]
    return dict(report)


def test_a_role_without_rights_is_told_what_it_may_not_see(cli: Cli, migrated: Database) -> None:
    role = f"Reader {uuid.uuid4().hex[:8]}"
    migrated.run(f"create role \"{role}\" login password 'tiger99'")
    try:
        url = migrated.server.url(migrated.name, user=role.replace(" ", "%20"), password="tiger99")
        unseen = {f["object"]: f for f in security(cli, url)["findings"] if f["severity"] == "not evaluated"}
        assert set(unseen) == {"pg_hba.conf", "password hashes"}
        migrated.run(unseen["pg_hba.conf"]["fix"])
        left = [f["object"] for f in security(cli, url)["findings"] if f["severity"] == "not evaluated"]
        assert left == ["password hashes"]
        assert "pg_authid" not in unseen["password hashes"]["fix"]
        assert cli("report", "security", "--fail-on", "warn", "--url", url).code == 3
    finally:
        migrated.run(f'drop owned by "{role}"; drop role "{role}"')


def test_sessions_from_elsewhere_without_tls(cli: Cli, server: PgServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: it only chooses the address that this machine would have.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the one of itself")
        here = probe.getsockname()[0]
    with beside(server, config="listen_addresses = '*'") as own:
        for database in create(own, "remote"):
            file = Path(database.one("select current_setting('hba_file')"))
            file.write_text(file.read_text() + f"host all all {here}/32 trust\n")
            database.one("select pg_reload_conf()")
            url = f"host={here} port={own.port} user=postgres dbname={database.name} application_name=chat-api"
            with psycopg.connect(url), psycopg.connect(url):
                found = findings(cli, database, "security")
    assert "2 sessions from other machines" in found["security.tls:postgres (chat-api)"]["message"]
    assert any(f["check"] == "login" and f["severity"] == "critical" for f in found.values())


def test_the_list_of_safe_versions_judges_this_server(cli: Cli, migrated: Database) -> None:
    """The list is read here in another way than the report does."""
    text = (PARTS / "safe_versions.sql").read_text()
    listed = {int(m[1]): (int(m[2]), date.fromisoformat(m[3])) for m in re.finditer(r"\((\d+), (\d+), date '([0-9-]+)'\)", text)}
    assert set(listed) == {15, 16, 17, 18}
    assert all(day <= date(2026, 11, 27) for _, day in listed.values())
    major, minor = divmod(migrated.server.version, 10000)
    found = findings(cli, migrated, "security")
    assert ("security.version:server version" in found) == (minor < listed[major][0])


def test_an_old_list_says_so(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.security]\nlist_days = 0\n")
    assert "security.list:list of safe versions" in findings(cli, migrated, "security")
    (tmp_path / "chatschema.toml").write_text("[report.security]\nlist_days = 100000\n")
    assert "security.list:list of safe versions" not in findings(cli, migrated, "security")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that others may enter; those of pytest are closed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        assert all(above.stat().st_mode & 0o001 for above in folder.parents)
        yield folder


def test_archives_that_others_can_read(cli: Cli, migrated: Database, tmp_path: Path, reachable: Path) -> None:
    """A folder that is closed protects what is in it; a recorded file counts as well as the configured folder."""
    archives, elsewhere = reachable / "archives", reachable / "seal.jsonl.gz"
    (tmp_path / "chatschema.toml").write_text(f'[partition]\narchive_dir = "{archives}"\n')
    closed, opened = archives / "2024-01", archives / "2024-02"
    for folder in (closed, opened):
        folder.mkdir(parents=True)
        (folder / "messages.csv.zst").write_bytes(b"x")
        (folder / "messages.csv.zst").chmod(0o644)
    for folder, mode in ((archives, 0o755), (opened, 0o755), (closed, 0o700)):
        folder.chmod(mode)
    elsewhere.write_bytes(b"x")
    elsewhere.chmod(0o604)
    migrated.run(
        "insert into chatschema.retired_months (month, state, archived_at, archive, archive_sha256)"
        " values ('2024-01-01+00', 'attached', now(), %s, 'x')", str(elsewhere),
    )  # fmt: skip
    found = {f["object"]: f for f in findings(cli, migrated, "security").values() if f["check"] == "files"}
    assert set(found) == {str(archives), str(elsewhere)}
    assert found[str(archives)]["value"] == 1
    assert str(opened) in found[str(archives)]["message"]
    for path in (opened, elsewhere):
        path.chmod(path.stat().st_mode & 0o770)
    assert not [f for f in findings(cli, migrated, "security").values() if f["check"] == "files"]
