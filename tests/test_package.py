"""The wheel carries all that is needed: installed into an empty environment it works in an empty folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, Database, Result, clean_environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT)], check=True)
    return next(folder.glob("chatschema-*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command of an environment with nothing but the wheel and what it asks for."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[embedded]"], check=True)
    return home / "bin" / "chatschema"


def run(command: Path, *arguments: str, cwd: Path, **extra: str) -> Result:
    env = {name: value for name, value in clean_environment(extra).items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [command, *arguments], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def migrate_seed_status(command: Path, cwd: Path, **extra: str) -> None:
    for arguments in (("migrate",), ("seed",), ("status", "--check")):
        result = run(command, *arguments, cwd=cwd, **extra)
        assert result.code == 0, result.err
    assert "users" in result.out
    assert "seeds: 9 of 9 run" in result.out


def test_the_wheel_has_the_sql_and_the_seeds_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {
        f"chatschema/_data/{path.relative_to(ROOT)}"
        for kind in ("sql", "seeds")
        for path in (ROOT / kind).rglob("*.*")
        if path.suffix in (".sql", ".py")
    }
    assert files <= names
    assert not [name for name in names if name.startswith(("tests", "bench")) or "__pycache__" in name]


def test_it_works_in_an_empty_folder_with_the_embedded_server(installed: Path, tmp_path: Path) -> None:
    migrate_seed_status(installed, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".chatschema"]


def test_it_works_with_database_url_and_with_the_specs_variables(installed: Path, tmp_path: Path, empty: Database) -> None:
    migrate_seed_status(installed, tmp_path, DATABASE_URL=empty.url)
    server = empty.server
    variables = {
        "DB_HOST": server.host, "DB_PORT": str(server.port), "DB_NAME": empty.name, "DB_USER": server.user,
        "DB_PASSWORD": server.password or "unused", "DB_SSL": "false",
    }  # fmt: skip
    result = run(installed, "status", "--check", cwd=tmp_path, **variables)
    assert result.code == 0, result.err
    assert "(DB_* in the environment)" in result.out
    assert run(installed, "reset", "--yes", cwd=tmp_path, **variables).code == 0
    migrate_seed_status(installed, tmp_path, **variables)


def test_the_checkouts_files_win_over_the_copies(tmp_path: Path) -> None:
    code = "from chatschema import assets; print(assets.sql_dir(), assets.seeds_dir())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(ROOT / "sql"), str(ROOT / "seeds")]
