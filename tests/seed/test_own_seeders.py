"""Seeders of a team's own, in its own folder: found, ordered and tracked as those that come along, and removed like them."""

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.fingerprint import fingerprint

POLLS = '''"""polls: a question in each group."""

from chatschema.seed import World

NEEDS: tuple[str, ...] = ("conversations",)


def seed(world: World) -> None:
    """Ask in each group."""
    groups = world.fetch(
        "select c.id from public.conversations as c join chatschema.seeded_rows as s"
        " on s.table_name = 'conversations' and s.key[1] = c.id::text where c.type = 'group' order by c.id"
    )
    world.insert("polls", [
        {"question": f'"{n}", \\\\ or\\ttab', "at": world.now, "conversation_id": id, "answers": {"a": []}} for n, (id,) in enumerate(groups)
    ])
'''
VOTES = '"""votes: of nobody."""\nNEEDS = ("polls",)\ndef seed(world):\n    world.insert("votes", [{"question": \'"0", \\\\ or\\ttab\', "voter": "é", "is_secret": True}])\n'


@pytest.fixture
def polls(migrated: Database) -> Database:
    """A database with two tables of the team's own."""
    migrated.run(
        "create table polls (question text, at timestamptz, conversation_id uuid references conversations, answers jsonb,"
        " primary key (question, at))"
    )
    migrated.run(
        "create table votes (question text, voter text, is_secret boolean default true, primary key (voter, question, is_secret))"
    )
    return migrated


def test_own_seeders_bring_those_they_need_are_tracked_and_removed(cli: Cli, polls: Database, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    (tmp_path / "seeds" / "10_polls.py").write_text(POLLS)
    (tmp_path / "seeds" / "20_votes.py").write_text(VOTES)
    before = fingerprint(polls)
    listed = cli("seed", "--list", "--json", "--url", polls.url).json()["seeds"]
    assert [(one["name"], one["rows"]) for one in listed] == [("users", 0), ("conversations", 0), ("polls", 0), ("votes", 0)]
    done = cli("seed", "--url", polls.url)
    assert done.out.splitlines() == [
        "seeded users  25 rows", "seeded conversations  21 rows", "seeded polls  6 rows", "seeded votes  1 rows"
    ]  # fmt: skip
    assert cli("seed", "--url", polls.url).out == "nothing to do: already seeded\n"
    # A row of somebody else's stays.
    polls.run("insert into votes values ('mine', 'carol')")
    # Removing by name takes those that need it; removing all takes also one whose file is gone, in the order in which they ran.
    assert cli("seed", "--undo", "votes", "--url", polls.url).out == "removed votes  1 rows\n"
    assert cli("seed", "votes", "--url", polls.url).out == "seeded votes  1 rows\n"
    (tmp_path / "seeds" / "10_polls.py").unlink()
    (tmp_path / "seeds" / "20_votes.py").write_text('"""votes: of nobody."""\nNEEDS = ()\ndef seed(world): pass\n')
    titles = {one["name"]: one["title"] for one in cli("seed", "--list", "--json", "--url", polls.url).json()["seeds"]}
    assert titles["polls"] == "its file is not in the folder of the seeders any more"
    undone = cli("seed", "--undo", "--url", polls.url)
    assert [line.split()[1] for line in undone.out.splitlines()] == ["votes", "polls", "conversations", "users"], undone.err
    assert polls.all("select * from votes") == [("mine", "carol", True)]
    assert polls.one("select count(*) from polls") == 0
    assert polls.one("select count(*) from chatschema.seeded_rows") == 0
    polls.run("delete from votes")
    assert fingerprint(polls) == before


def test_a_folder_with_profiles_alone_has_the_seeders_that_come_along(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "seeds" / "profiles").mkdir(parents=True)
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    assert cli("seed", "users", "--url", migrated.url).out == "seeded users  25 rows\n"
    assert len(cli("seed", "--list", "--json", "--url", migrated.url).json()["seeds"]) == 9
