"""Variables in migrations: quoted by chatschema, never in checksums, and a literal's value is never shown."""

from pathlib import Path

import pytest

from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.migrations import applied, write
from tests.support.verified import names, verified

FIRST, SECOND = "20990101000000_create_places", "20990101000001_add_more"
HEAD = "-- places: where.\n-- Why: a test.\n-- Risk: none.\n"
TEXT = f"""{HEAD}-- variables: table_name as identifier, region as literal
create table public.{{{{table_name}}}} (id int primary key, region text not null default {{{{ region }}}}); -- {{{{anything}}}}
"""
ROLLBACK = "-- variables: table_name as identifier\ndrop table public.{{table_name}};\n"
SECRET = 'o\'Reilly\\ "s3cret" 0x7'
VALUES = {"CHATSCHEMA_VAR_TABLE_NAME": 'Pläce "1"; drop', "CHATSCHEMA_VAR_REGION": SECRET}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / "migrations").mkdir(parents=True)
    write(folder, FIRST, TEXT, ROLLBACK)
    return folder


def run(cli: Cli, database: Database, files: Path, *command: str, code: int = 0, env: dict[str, str] | None = None) -> Result:
    result = cli(*command, "--sql-dir", str(files), "--url", database.url, env=VALUES if env is None else env)
    assert result.code == code, result.out + result.err
    assert "s3cret" not in result.out + result.err
    return result


def test_values_are_quoted_as_the_header_says(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    place = 'public."Pläce ""1""; drop"'
    empty.run(f"insert into {place} values (1)")
    assert empty.one(f"select region from {place}") == SECRET
    assert verified(cli_with(cli), empty, "--sql-dir", str(files))["differences"] == []
    run(cli, empty, files, "undo", "--yes")
    assert empty.one("select to_regclass(%s) is null", place)


def cli_with(cli: Cli) -> Cli:
    return lambda *arguments, **options: cli(*arguments, **{"env": VALUES, **options})


def test_the_checksum_is_that_of_the_file(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    other = {**VALUES, "CHATSCHEMA_VAR_REGION": "another"}
    assert run(cli, empty, files, "status", "--check", env=other).code == 0
    assert "nothing to do" in run(cli, empty, files, "migrate", env=other).out
    # Without any value: nothing has to be filled in.
    assert "nothing to do" in run(cli, empty, files, "migrate", env={}).out
    assert run(cli, empty, files, "migrate", "--dry-run", env={}).code == 0


def test_a_plan_shows_the_file_and_no_secret(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    write(
        files,
        SECOND,
        f"{HEAD}-- variables: table_name as identifier, region as literal\nalter table public.{{{{table_name}}}} add column more text default {{{{region}}}};\n",
        "select 1;",
    )
    for place in ("none", "same"):
        dry = run(cli, empty, files, "migrate", "--dry-run", "--scratch", place)
        assert f"add column more text default '{'*' * len(SECRET.replace(chr(39), chr(39) * 2))}';" in dry.out
        assert place == "none" or '-- locks: access exclusive on public."Pläce ""1""; drop"' in dry.out
        document = run(cli, empty, files, "migrate", "--dry-run", "--json", "--scratch", place).json()
        assert "default '****" in document["pending"][0]["statements"][0]["sql"]
    plan = document["plan_hash"]
    assert run(cli, empty, files, "migrate", "--plan-hash", plan, "--scratch", "same").code == 0


@pytest.mark.parametrize("place", ["select {0}::int", "comment on table public.nothing is {0}", "select 1 as {0} x"])
def test_an_error_shows_no_secret(cli: Cli, empty: Database, files: Path, place: str) -> None:
    write(files, FIRST, f"{HEAD}-- variables: region as literal\n" + place.format("{{region}}") + ";\n", "select 1;")
    failed = run(cli, empty, files, "migrate", code=1)
    assert f"{FIRST}.sql line 5: " in failed.err
    assert applied(empty) == []


@pytest.mark.parametrize(
    ("text", "env", "code", "hint"),
    [
        (TEXT, {"CHATSCHEMA_VAR_REGION": "x"}, "variables.missing", "export CHATSCHEMA_VAR_TABLE_NAME=..."),
        (TEXT, {**VALUES, "CHATSCHEMA_VAR_TABLE_NAME": ""}, "variables.value", "another value"),
        (TEXT, {**VALUES, "CHATSCHEMA_VAR_TABLE_NAME": "é" * 32}, "variables.value", "another value"),
        (TEXT.replace("region)", "regoin)").replace("{{ region }}", "{{regoin}}"), VALUES, "variables.unknown", "as literal"),
        (TEXT.replace("{{ region }}", "'a {{region}}'"), VALUES, "variables.place", "outside"),
        (TEXT.replace("{{ region }}", "$$ {{region}} $$"), VALUES, "variables.place", "outside"),
        (TEXT.replace("{{table_name}} (", '"{{table_name}}" ('), VALUES, "variables.place", "outside"),
        (TEXT.replace("as literal", "as text"), VALUES, "variables.header", "as literal"),
        (TEXT.replace("region as literal", "Region as literal"), VALUES, "variables.header", "as literal"),
        (f"{HEAD}-- variables: region as literal\n-- batch: public.users by id\nupdate public.users set username = {{{{region}}}} where {{batch}};", VALUES, "variables.header", "in the file"),
    ],
)  # fmt: skip
def test_a_wrong_variable_is_refused_before_anything_is_run(
    cli: Cli, empty: Database, files: Path, text: str, env: dict[str, str], code: str, hint: str
) -> None:
    write(files, FIRST, text)
    command = ("migrate", "--dry-run", "--scratch", "none") if code == "variables.value" else ("migrate",)
    refused = run(cli, empty, files, *command, code=1, env=env)
    assert f"error[{code}]: {FIRST}.sql" in refused.err
    assert hint in refused.err
    assert empty.one("select to_regclass('chatschema.migrations') is null")


def test_a_file_without_the_header_stays_as_it_is(cli: Cli, empty: Database, files: Path) -> None:
    write(
        files,
        FIRST,
        f"{HEAD}create table public.arrays (a text[][] default '{{{{a}},{{b}}}}', b text default '{{{{region}}}}');\n",
        "select 1;",
    )
    run(cli, empty, files, "migrate", env={})
    empty.run("insert into public.arrays default values")
    assert empty.one("select a::text || b from public.arrays") == "{{a},{b}}{{region}}"


def test_values_come_from_the_configuration_and_the_environment_counts_first(
    cli: Cli, empty: Database, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "chatschema.toml").write_text('[variables]\ntable_name = "places"\nregion = "north"\n')
    run(cli, empty, files, "migrate", env={"CHATSCHEMA_VAR_REGION": "south"})
    empty.run("insert into public.places values (1)")
    assert empty.one("select region from public.places") == "south"
    (tmp_path / "chatschema.toml").write_text("[variables]\nregion = 7\n")
    refused = run(cli, empty, files, "status", code=2, env={})
    assert "[variables] region is not a name in lower case with a text" in refused.err


def test_repeatable_files_have_them_and_the_record_keeps_the_name(cli: Cli, empty: Database, files: Path) -> None:
    (files / "migrations" / "R_region.sql").write_text(
        "-- region: where.\n-- variables: region as literal\ncreate or replace view public.region as select {{region}}::text as region;\n"
    )
    run(cli, empty, files, "migrate")
    assert empty.one("select region from public.region") == SECRET
    assert "{{region}}" in empty.one("select content from chatschema.repeatables")
    assert verified(cli_with(cli), empty, "--sql-dir", str(files))["differences"] == []
    empty.run("create or replace view public.region as select 'x'::text as region")
    assert names(verified(cli_with(cli), empty, "--sql-dir", str(files))) == ["view public.region"]


def test_lint_reads_them_as_names(cli: Cli, files: Path) -> None:
    found = cli("lint", "--offline", "--json", "--sql-dir", str(files)).json()["findings"]
    assert not {one["code"] for one in found} & {"lint.syntax", "lint.refused"}
