"""Which server a command talks to: every source of the precedence list, and what is refused."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from chatschema import config
from chatschema.errors import UsageError
from chatschema.redact import redact
from chatschema.values import Settings
from tests.support import golden
from tests.support.cli import Cli


def load(folder: Path, *, url: str | None = None, **environ: str) -> Settings:
    return config.load(url=url, environ=environ, folder=folder)


def parts(settings: Settings) -> dict[str, object]:
    return {key: value for key, value in conninfo_to_dict(settings.conninfo).items() if value is not None}


def test_precedence_from_flag_to_embedded(tmp_path: Path) -> None:
    def source(**options: str) -> str:
        return load(tmp_path, **options).source

    assert source() == "embedded"
    assert load(tmp_path).embedded == tmp_path / ".chatschema"
    (tmp_path / "chatschema.toml").write_text('url = "postgresql://toml/x"\n')
    assert source() == "chatschema.toml"
    (tmp_path / ".env").write_text("PGHOST=dotenv\n")
    assert source() == "PG* in .env"
    (tmp_path / ".env").write_text("PGHOST=dotenv\nDB_HOST=dotenv\n")
    assert source() == "DB_* in .env"
    (tmp_path / ".env").write_text("PGHOST=dotenv\nDB_HOST=dotenv\nDATABASE_URL=postgresql://dotenv/x\n")
    assert source() == "DATABASE_URL in .env"
    assert source(PGHOST="env") == "PG* in the environment"
    assert source(PGHOST="env", DB_HOST="env") == "DB_* in the environment"
    assert source(PGHOST="env", DB_HOST="env", DATABASE_URL="postgresql://env/x") == "DATABASE_URL in the environment"
    assert source(url="postgresql://flag/x", DATABASE_URL="postgresql://env/x") == "--url"
    assert load(tmp_path, url="embedded", DATABASE_URL="postgresql://env/x").embedded == tmp_path / ".chatschema"


def test_the_specs_own_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# Database Configuration\nDATABASE_URL=postgresql://postgres:postgres@localhost:5432/pern_dev\nDB_HOST=localhost\n"
        "DB_PORT=5432\nDB_NAME=pern_dev\nDB_USER=postgres\nDB_PASSWORD=postgres\n\n# Optional: SSL for production\nDB_SSL=false\n"
    )
    expected = {"user": "postgres", "password": "postgres", "host": "localhost", "port": "5432", "dbname": "pern_dev"}
    assert parts(load(tmp_path)) == expected
    text = (tmp_path / ".env").read_text().replace("DATABASE_URL", "#").replace("DB_SSL=false", "DB_SSL=true")
    (tmp_path / ".env").write_text(text)
    assert parts(load(tmp_path)) == {**expected, "sslmode": "require"}


def test_a_password_of_the_environment_completes_the_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_HOST=h\nDB_NAME=n\nDB_PASSWORD=old\n")
    # A password alone names no server, so the family is still that of .env ...
    assert parts(load(tmp_path, DB_SSL="true"))["sslmode"] == "require"
    # ... and a host of the environment takes the rest from .env.
    assert parts(load(tmp_path, DB_HOST="other")) == {"host": "other", "dbname": "n", "password": "old"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40ss%2F%23%25w@h/d", {"user": "u", "password": "p@ss/#%w", "host": "h", "dbname": "d"}),
        ("postgres://u@h/d", {"user": "u", "host": "h", "dbname": "d"}),
        ("postgresql+psycopg://h/d", {"host": "h", "dbname": "d"}),
        ("postgresql:///d?host=/var/run/postgresql", {"host": "/var/run/postgresql", "dbname": "d"}),
        ("postgresql://%2Ftmp/d", {"host": "/tmp", "dbname": "d"}),
        ("postgresql://h1:5432,h2:5433/d?target_session_attrs=read-write",
         {"host": "h1,h2", "port": "5432,5433", "dbname": "d", "target_session_attrs": "read-write"}),
        ("postgresql://h/d?sslmode=verify-full", {"host": "h", "dbname": "d", "sslmode": "verify-full"}),
        ("host=h dbname=d password='it''s'".replace("''", "\\'"), {"host": "h", "dbname": "d", "password": "it's"}),
        ("postgresql://[::1]:5433/d", {"host": "::1", "port": "5433", "dbname": "d"}),
    ],
)  # fmt: skip
def test_urls(tmp_path: Path, url: str, expected: dict[str, str]) -> None:
    assert parts(load(tmp_path, url=url)) == expected


def test_db_ssl_holds_for_the_url_too_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert parts(load(tmp_path, DATABASE_URL="postgresql://h/d", DB_SSL="true"))["sslmode"] == "require"
    assert parts(load(tmp_path, DATABASE_URL="postgresql://h/d?sslmode=disable", DB_SSL="true"))["sslmode"] == "disable"
    assert "sslmode" not in parts(load(tmp_path, DATABASE_URL="postgresql://h/d", DB_SSL="false"))


def test_a_password_with_any_sign_works_in_db_password(tmp_path: Path) -> None:
    odd = "p@ss/w:o#r d'\\ä%41${HOME}"
    assert parts(load(tmp_path, DB_HOST="h", DB_PASSWORD=odd))["password"] == odd
    (tmp_path / ".env").write_text("DB_HOST=h\nDB_PASSWORD='a${HOME}$b#c'\n")
    assert parts(load(tmp_path))["password"] == "a${HOME}$b#c"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"DATABASE_URL": "mysql://u:hunter22@h/d"}, "not a PostgreSQL URL"),
        ({"DATABASE_URL": "nonsense"}, "not a connection URL"),
        ({"DATABASE_URL": "postgresql://u:hunter22@x@h/d"}, "must be encoded"),
        ({"DATABASE_URL": "postgresql://u:hunter22#x@h/d"}, "must be encoded"),
        ({"DATABASE_URL": "postgresql://u:hunter22%zz@h/d"}, "cannot be read"),
        ({"DATABASE_URL": "postgresql://u:hunter22@h/d?schema=public"}, "cannot be read"),
        ({"DATABASE_URL": "postgresql://u:hunter22@h:port/d"}, "port"),
        ({"DATABASE_URL": "app:hunter22@db/chat?sslmode=require"}, "not a connection URL"),
        ({"DATABASE_URL": "postgresql:/app:hunter22@db/chat"}, "not a connection URL"),
        ({"DATABASE_URL": "//app:hunter22@db/chat?x=http://y"}, "not a connection URL"),
        ({"DATABASE_URL": "host=h password=correct hunter22"}, "cannot be read"),
        ({"DB_HOST": "h", "DB_PORT": "five"}, "port"),
        ({"DATABASE_URL": "postgresql://h:55150000/d"}, "port"),
        ({"DB_HOST": "h", "DB_SSL": "maybe"}, "neither true nor false"),
    ],
)
def test_what_cannot_be_understood_is_wrong_usage_and_leaks_nothing(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        load(tmp_path, **environ)
    assert "hunter22" not in redact(caught.value.message + (caught.value.hint or ""))


@pytest.mark.parametrize(
    ("environ", "dotenv", "says"),
    [
        ({"DATABASE_URL": ""}, "", "DATABASE_URL is set but empty in the environment"),
        ({"DATABASE_URL": " "}, "", "DATABASE_URL is set but empty in the environment"),
        # The environment wins, also where it is empty.
        ({"DATABASE_URL": ""}, "DATABASE_URL=postgresql://h/d", "DATABASE_URL is set but empty in the environment"),
        ({"DATABASE_URL": "", "DB_HOST": "h", "DB_NAME": "d"}, "", "DATABASE_URL is set but empty in the environment"),
        ({}, "DATABASE_URL=", r"DATABASE_URL is set but empty in \.env"),
        ({}, "DATABASE_URL=''\nDB_HOST=h", r"DATABASE_URL is set but empty in \.env"),
        ({"DB_HOST": ""}, "", "DB_HOST is set but empty in the environment"),
        ({"DB_HOST": "", "DB_NAME": "d"}, "DB_HOST=h", "DB_HOST is set but empty in the environment"),
        ({"DB_NAME": "d"}, "DB_HOST=", r"DB_HOST is set but empty in \.env"),
        # libpq would take the user's name for the database, the system's for the user.
        ({"DB_HOST": "h", "DB_NAME": ""}, "", "DB_NAME is set but empty in the environment"),
        ({"DB_HOST": "h", "DB_USER": ""}, "", "DB_USER is set but empty in the environment"),
        ({"PGHOST": ""}, "", "PGHOST is set but empty in the environment"),
        ({}, "DB_PORT=", r"DB_PORT is set but empty in \.env"),
    ],
)
def test_a_variable_that_is_set_and_empty_is_a_missing_secret(
    tmp_path: Path, environ: dict[str, str], dotenv: str, says: str
) -> None:
    (tmp_path / ".env").write_text(dotenv)
    with pytest.raises(UsageError, match=says):
        load(tmp_path, **environ)
    assert load(tmp_path, url="embedded", **environ).embedded
    assert load(tmp_path, url="postgresql://h/d", **environ).source == "--url"


def test_an_empty_url_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--url is set but empty"):
        load(tmp_path, url="", DATABASE_URL="postgresql://h/d")
    (tmp_path / "chatschema.toml").write_text('url = ""\n')
    with pytest.raises(UsageError, match=r"url is set but empty in chatschema\.toml"):
        load(tmp_path)


def test_what_may_be_empty(tmp_path: Path) -> None:
    assert parts(load(tmp_path, DB_HOST="h", DB_PASSWORD="", DB_PORT="", DB_SSL="")) == {"host": "h"}
    # To libpq an empty variable is one that is not set, and an empty host is the local socket.
    assert parts(load(tmp_path, PGHOST="", PGDATABASE="d")) == {"dbname": "d"}
    assert parts(load(tmp_path, DATABASE_URL="postgresql://h/d", DB_HOST="")) == {"host": "h", "dbname": "d"}
    (tmp_path / ".env").write_text("DATABASE_URL=\n")
    assert load(tmp_path, DATABASE_URL="postgresql://h/d").source == "DATABASE_URL in the environment"


@pytest.mark.parametrize(
    ("value", "is_ci"), [("true", True), ("1", True), ("woodpecker", True), ("", False), ("false", False), ("0", False)]
)
def test_in_ci_the_embedded_server_is_asked_for(tmp_path: Path, value: str, is_ci: bool) -> None:
    assert load(tmp_path, url="embedded", CI=value).embedded
    assert load(tmp_path, DB_HOST="h", CI=value).source == "DB_* in the environment"
    if is_ci:
        with pytest.raises(UsageError, match="the embedded server is not used by default when CI is set"):
            load(tmp_path, CI=value)
    else:
        assert load(tmp_path, CI=value).embedded


def test_a_missing_secret_starts_no_server_and_hinders_no_command_without_one(cli: Cli, tmp_path: Path, sql_dir: Path) -> None:
    empty = {"DATABASE_URL": ""}
    golden.check("config_empty_url", cli("migrate", env=empty))
    golden.check("config_ci", cli("status", env={"CI": "true"}))
    assert not (tmp_path / ".chatschema").exists()
    for command in (("--help",), ("migrate", "--help"), ("report", "explain", "queries"), ("report", "--list"),
                    ("new", "migration", "add_x", "--sql-dir", str(sql_dir))):  # fmt: skip
        for env in (empty, {"CI": "true"}):
            result = cli(*command, env=env)
            assert result.code == 0, result.err


@pytest.mark.parametrize("text", ['colour = "red"\n', "url = 5\n", "url = \n", 'sql_dir = "nowhere"\n'])
def test_a_wrong_chatschema_toml_is_wrong_usage(tmp_path: Path, text: str) -> None:
    (tmp_path / "chatschema.toml").write_text(text)
    with pytest.raises(UsageError, match=r"chatschema\.toml"):
        load(tmp_path)


def test_settings_do_not_show_the_password(tmp_path: Path) -> None:
    assert "hunter22" not in repr(load(tmp_path, url="postgresql://u:hunter22@h/d"))


@pytest.mark.parametrize(
    "text",
    ["postgresql://u:tiger99@h/d", "failed: password=tiger99 host=h", "password = 'ti ger99'", "PGPASSWORD=tiger99"],
)
def test_redaction_knows_a_password_by_its_place(text: str) -> None:
    assert "ger99" not in redact(text)


def test_redaction_knows_a_password_by_heart() -> None:
    from chatschema.redact import remember

    remember("s3cr/t ü")
    for spelling in ("s3cr/t ü", "s3cr%2Ft%20%C3%BC", "s3cr%2Ft+%C3%BC"):
        assert redact(f"could not translate {spelling} to an address") == "could not translate **** to an address"


def test_production_is_said_by_the_environment(tmp_path: Path) -> None:
    assert load(tmp_path, CHATSCHEMA_ENV="production").is_production
    assert not load(tmp_path, CHATSCHEMA_ENV="staging").is_production
