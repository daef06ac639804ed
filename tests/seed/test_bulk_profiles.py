"""Profiles of bulk seeds: the shape and the size of a chat in a file."""

from pathlib import Path

import pytest

from chatschema.errors import UsageError
from chatschema.seed.bulk import shape
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database


def test_a_profile_of_ones_own_decides_the_shape(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    folder = tmp_path / "seeds" / "profiles"
    folder.mkdir(parents=True)
    wanted = "[conversations]\ndirect = 0\nlargest_group = 3\n[messages]\nreplies = 0\ndeleted = 1000\nsystem = 0\nedited = 0\n"
    (folder / "mine.toml").write_text(f"[size]\nmessages = 200\nmonths = 1\n{wanted}")
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    done = cli("seed", "--profile", "mine", "--until", "2026-04-11", "--json", "--url", migrated.url)
    assert done.code == 0, done.err
    assert (done.json()["bulk"]["profile"], len(done.json()["bulk"]["months"])) == ("mine", 1)
    assert migrated.one("select count(*) filter (where is_deleted) > 190, count(reply_to_id) from messages") == (True, 0)
    members = "select distinct count(*) from conversation_participants group by conversation_id"
    assert migrated.all(members) == [(3,)]
    # The shape is recorded: another file of the name is another seed, and the seed can be removed without a file.
    (folder / "mine.toml").write_text("[size]\nmessages = 200\nmonths = 1\n")
    other = cli("seed", "--profile", "mine", "--url", migrated.url)
    assert (other.code, "error[seed.bulk-other]" in other.err) == (1, True)
    (folder / "mine.toml").unlink()
    (tmp_path / "seeds" / "01_users.py").write_text('"""Nothing."""\nNEEDS = ()\ndef seed(world): pass\n')
    assert cli("seed", "--undo", "--url", migrated.url).code == 0
    assert migrated.one("select count(*) from users") == 0


def test_the_profiles_that_come_along_are_valid_and_the_demo_is_the_default() -> None:
    found = {path.stem: shape.find(path.stem, [ROOT / "seeds"]) for path in (ROOT / "seeds" / "profiles").glob("*.toml")}
    assert set(found) == {"demo", "ci", "large"}
    assert found["demo"] == shape.Profile("demo", shape.Shape(), {})
    assert found["large"].sizes["messages"] == 10_000_000


@pytest.mark.parametrize(
    "text",
    [
        "[messages]\nedited = 1001", "[messages]\nedited = true", "[messages]\nedits = 1", "[chat]\nsize = 1", "messages = 5",
        "[rhythm]\nhours = [1]", "[rhythm]\ndays = [1, 1, 1, 1, 1, 1, 0]", "[messages]\nedited = 600\ndeleted = 600",
        "[size]\nmessages = '5'", "[size]\nrng = 5", "[messages", "[conversations]\nlargest_group = 2", "[conversations]\ngroups = []", "[messages]\nlengths = [1, 0]", "[messages]\ndistances = [-1]",
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_by_its_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        shape.find("mine", [tmp_path])
    assert caught.value.code == "seed.profile"
