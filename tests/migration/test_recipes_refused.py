"""Recipes as they are listed, and refused: what would not work is refused before a file is written."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration.recipes import writing
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.recipe_cases import CASES


def test_every_recipe_is_listed_with_its_locks_and_is_tested(cli: Cli) -> None:
    result = cli("new", "migration", "--recipes")
    assert result.code == 0
    names = [line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")]
    assert names == sorted({case.recipe for case in CASES})
    assert result.out.count("    Locks: ") == len(names)


REFUSED = (
    (("nonesuch", "users"), 2, "error[recipe.unknown]: there is no recipe nonesuch"),
    (("set-not-null", "users"), 2, "error[recipe.arguments]: the recipe set-not-null takes TABLE COLUMN, not 1 argument"),
    (("set-not-null", "nobody", "x"), 2, "error[recipe.table]: there is no table nobody"),
    (("set-not-null", "users", "x"), 2, "error[recipe.column]: public.users has no column x"),
    (("set-not-null", "users", "username"), 1, "error[recipe.done]: public.users.username is not null already"),
    (("foreign-key", "attachments", "message_id", "messages"), 1, "error[recipe.reference]: a foreign key to public.messages would be"),
    (("foreign-key", "users", "id", "conversation_participants"), 1, "its primary key is not one column"),
    (("foreign-key", "attachments", "uploader_id", "users", "cascade"), 2, "error[recipe.arguments]: 'cascade' is not an action"),
    (("foreign-key", "attachments", "uploader_id", "users"), 1, "error[recipe.done]: public.attachments has a attachments_uploader_id_fkey"),
    (("unique", "messages", "sender_id"), 1, "error[recipe.partition-key]: public.messages is partitioned by id"),
    (("check", "users", "name", "length(nam) > 1"), 2, "error[recipe.definition]: PostgreSQL refuses"),
    (("check", "users", "x", "true); commit; drop table users; select (true"), 2, "is more than one definition"),
    (("change-type", "messages", "edit_count", "bigint; commit"), 2, "is more than one definition"),
    (("add-column", "users", "tag", "text default 'a;b' check (tag <> 'b;')  ; "), 2, "error[recipe.definition]"),
    (("drop-column", "users", "id"), 1, "error[recipe.dependents]: public.users.id cannot be dropped by this recipe: it is used by"),
    (("rename-table", "messages", "notes"), 1, "error[recipe.own-table]: public.messages cannot be renamed"),
    (("rename-table", "note", "users"), 1, "error[recipe.done]: public.users exists already"),
    (("rename-table", "note", "Notes"), 2, "error[recipe.name]: 'Notes' has to be quoted"),
    (("set-not-null", "note", "Body"), 2, "error[recipe.name]: 'Body' has to be quoted"),
    (("change-type", "note", "body", "integer"), 1, "error[recipe.key]: public.note has no primary key"),
    (("change-type", "messages", "expires_at", "text"), 1, "error[recipe.conversion]: expires_at cannot become text"),
    (("change-type", "messages", "edit_count", "inet"), 2, "error[recipe.definition]: PostgreSQL refuses 'inet'"),
    (("rename-column", "messages", "sender_id", "author_id"), 1, "it is used by foreign key messages_sender_id_fkey, policy"),
    (("change-type", "users", "id", "text"), 1, "error[recipe.dependents]: public.users.id cannot be replaced"),
    (("change-type", "audit_logs", "id", "text"), 1, "error[recipe.dependents]: public.audit_logs.id is an identity, which cannot be"),
    (("extend-key", "messages", "sender_id"), 1, "error[recipe.key]: public.messages is partitioned"),
    (("extend-key", "note", "body"), 1, "error[recipe.key]: public.note has no primary key"),
    (("extend-key", "secret", "word"), 1, "error[recipe.key]: public.secret.word may be null"),
    (("extend-key", "secret", "id"), 1, "error[recipe.done]: the primary key of public.secret has id already"),
    (("extend-key", "users", "username"), 1, "error[recipe.dependents]: the primary key of public.users cannot be extended"),
    (("split-table", "messages", "topics", "message_type"), 1, "error[recipe.split]: public.messages is partitioned"),
    (("split-table", "secret", "apart", "word"), 1, "error[recipe.split]: public.secret has row level security"),
    (("split-table", "attachments", "files", "id"), 1, "error[recipe.dependents]: public.attachments.id cannot move"),
    (("split-table", "attachments", "files", "state"), 1, "other columns as well, or belong to the table: check attachments_purged_at_check"),
    (("split-table", "attachments", "users", "key_version"), 1, "error[recipe.done]: public.users exists already"),
    (("split-table", "attachments", "files", "key_version, key_version"), 2, "error[recipe.arguments]: key_version, key_version"),
    (("split-table", "note", "bodies", "body"), 1, "error[recipe.key]: public.note has no primary key"),
    (("drop-column", "oddly", "a"), 2, "error[recipe.name]: 'Odd-index' has to be quoted"),
    (("add-column", "messages", "long", "int generated always as (length(message_type)) stored"), 1, "error[recipe.rewrite]"),
)  # fmt: skip


def refused(database: Database, folder: Path, arguments: tuple[str, ...]) -> tuple[int, str]:
    """Return the exit code and the error as the command prints it; without its process, for forty of them."""
    with closing(postgres.connect(database.url, writes=False)) as connection, pytest.raises(ChatschemaError) as caught:
        writing.write(connection, folder, writing.recipe(arguments[0]), arguments[1:], datetime.now(UTC))
    return int(caught.value.exit_code), f"error[{caught.value.code}]: {caught.value.message}"


def test_a_recipe_that_does_not_fit_writes_nothing(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run('create table public.note (body text, "Body" text); create table public.secret (id int primary key, word text)')
    migrated.run("alter table public.secret enable row level security; alter table public.attachments disable row level security")
    migrated.run("create table public.oddly (a int, b int)")
    migrated.run('create index "Odd-index" on public.oddly (a)')
    folder = sql_dir / "migrations"
    before = sorted(folder.iterdir())
    for arguments, code, says in REFUSED:
        found = refused(migrated, folder, arguments)
        assert (found[0], says in found[1]) == (code, True), f"{arguments}: {found[1]}"
    arguments, code, says = REFUSED[-1]
    result = cli("new", "migration", "--recipe", *arguments, "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert (result.code, says in result.err) == (code, True), result.err
    assert sorted(folder.iterdir()) == before


def test_a_name_a_recipe_and_an_index_exclude_each_other(cli: Cli, tmp_path: Path) -> None:
    own = ("--sql-dir", str(tmp_path))
    for words in (("a_b", "c_d"), ("a_b", "--index", "users", "(id)"), ("--index", "users", "(id)", "--recipe", "check"), ()):
        result = cli("new", "migration", *words, *own)
        assert (result.code, "error[usage.index]" in result.err) == (2, True), (words, result.err)
