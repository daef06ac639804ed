"""The record of processing is what the columns' comments say, and a column that says nothing is found."""

import re
from pathlib import Path

import pytest

from chatschema.privacy import tags
from chatschema.privacy.tags import Tag
from chatschema.values import TABLES
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, write

COLUMNS = """
    select format('%s.%I', a.attrelid::regclass, a.attname) from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
"""


def test_every_column_is_in_the_record_with_its_tag(cli: Cli, migrated: Database) -> None:
    result = cli("privacy", "register", "--json", "--url", migrated.url)
    assert result.code == 0, result.err
    document = result.json()
    tagged = {f"{column['table']}.{column['name']}": column["tag"]["pii"] for column in document["columns"]}
    assert {name.removeprefix("public.") for name in tagged if name.startswith("public.")} == {
        row[0] for row in migrated.all(COLUMNS)
    }
    listed = [name for activity in document["activities"] for data in activity["data"] for name in data["columns"]]
    assert sorted(listed) == sorted(name for name, pii in tagged.items() if pii != "none")
    assert {tagged[f"public.{name}"] for name in ("users.password_hash", "auth_sessions.refresh_token_hash")} == {"secret"}
    assert all("pii=" not in column["description"] and column["description"] for column in document["columns"])


def test_the_record_names_who_is_responsible_and_how_long_data_is_kept(cli: Cli, migrated: Database) -> None:
    text = cli("privacy", "register", "--url", migrated.url).out
    assert "| Controller | not stated: set it in chatschema.toml, [privacy] |" in text
    assert "users (email)" in text
    assert "30 days after the session ended" in text


def test_the_settings_are_in_the_record(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    toml = '[privacy]\ncontroller = "A | B GmbH"\nmeasures = ["TLS", "disk encryption"]\n[partition]\nkeep = "24mo"\n'
    (tmp_path / "chatschema.toml").write_text(toml)
    text = cli("privacy", "register", "--url", migrated.url).out
    assert "| Controller | A \\| B GmbH |" in text
    assert "TLS; disk encryption" in text
    assert "months that ended 24 months ago are retired" in text
    (tmp_path / "chatschema.toml").write_text("[privacy]\ncontroler = 'A'\n")
    result = cli("privacy", "register", "--url", migrated.url)
    assert (result.code, "controler" in result.err) == (2, True)


def test_a_role_that_may_read_a_column_is_named(cli: Cli, migrated: Database) -> None:
    role = f"reader_{migrated.name[-12:]}"
    migrated.run(f"create role {role}; grant select (email) on public.users to {role}")
    try:
        document = cli("privacy", "register", "--json", "--url", migrated.url).json()
        readers = {f"{one['table']}.{one['name']}": one["readers"] for one in document["columns"]}
        assert role in readers["public.users.email"]
        assert role not in readers["public.users.username"]
    finally:
        migrated.run(f"drop owned by {role}; drop role {role}")


def test_a_column_without_a_tag_fails_the_checks(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run("alter table public.users add column birthday date")
    migrated.run("comment on column public.users.birthday is 'The day.'")
    # Of a column by hand, status reports that it was added by hand.
    assert "birthday has no tag" not in cli("status", "--check", "--url", migrated.url).out
    migrated.run("alter table public.users drop column birthday")
    write(sql_dir, NEXT, "alter table public.users add column birthday date", "alter table public.users drop column birthday")
    assert cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)).code == 0
    result = cli("privacy", "register", "--url", migrated.url)
    assert result.code == 3
    assert "- public.users.birthday has no tag" in result.out
    result = cli("status", "--check", "--url", migrated.url)
    assert result.code == 3
    assert "public.users.birthday has no tag; end its comment with a line such as pii=" in result.out
    migrated.run(
        "comment on column public.users.birthday is E'The day.\\npii=profile; purpose=account; basis=consent; keep=account'"
    )
    assert cli("privacy", "register", "--url", migrated.url).code == 0
    assert "has no tag" not in cli("status", "--check", "--url", migrated.url).out
    migrated.run("create table public.notes (text text)")  # somebody else's
    assert cli("privacy", "register", "--url", migrated.url).code == 0


def test_a_schema_without_any_tag_is_not_checked(cli: Cli, migrated: Database) -> None:
    """A project of others has no tags, and is none of this check's business."""
    for (column,) in migrated.all(COLUMNS):
        migrated.run(f"comment on column {column} is 'Text.'")
    for table, column in migrated.all(
        "select c.oid::regclass::text, quote_ident(a.attname) from pg_attribute as a join pg_class as c on c.oid = a.attrelid"
        " where c.relnamespace = 'chatschema'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped"
    ):
        migrated.run(f"comment on column {table}.{column} is null")
    assert "has no tag" not in cli("status", "--check", "--url", migrated.url).out


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("Text.\npii=none", Tag("none")),
        ("pii=none", Tag("none")),
        (
            "Text.\n  pii = content ; purpose = legal hold; basis=consent; keep=hold ",
            Tag("content", "legal hold", "consent", "hold"),
        ),
        ("Text.\npii=none; purpose=chat", Tag("none", "chat")),
        (None, "has no tag"),
        ("Text with pii=none inside", "has no tag"),
        ("pii=none\nText after it", "has no tag"),
        ("pii=content", "has a tag without purpose"),
        ("pii=content; purpose=chat; basis=contract", "has a tag without keep"),
        ("pii=much; purpose=chat; basis=contract; keep=message", "has a tag with pii=much, which is none of: none, identity"),
        ("pii=none; sort=of", "has an unknown key in its tag: sort"),
        ("pii=", "has a tag without pii"),
    ],
)
def test_a_tag_is_read_whole_or_refused(comment: str | None, found: Tag | str) -> None:
    tag, problem = tags.parse(comment)
    assert (tag == found and problem == "") if isinstance(found, Tag) else (tag is None and problem.startswith(found))


def test_the_words_on_the_page_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "reference" / "personal-data.md").read_text()
    pii, purpose, basis, keep = (re.split(r"\n## (?:pii|purpose|basis|keep)", text)[number] for number in (1, 2, 3, 4))
    assert re.findall(r"^\| `([\w ]+)` \|", pii, re.MULTILINE) == list(tags.KINDS)
    assert re.findall(r"^\| `([\w ]+)` \|", purpose, re.MULTILINE) == list(tags.PURPOSES)
    assert re.findall(r"`([\w ]+)`", basis) == list(tags.BASES)
    assert sorted(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", keep, re.MULTILINE)))) == list(tags.KEEPS)


def test_the_nine_tables_have_a_purpose_each(cli: Cli, migrated: Database) -> None:
    document = cli("privacy", "register", "--json", "--url", migrated.url).json()
    named = {name.split(".")[1] for one in document["activities"] for data in one["data"] for name in data["columns"]}
    assert set(TABLES) <= named
