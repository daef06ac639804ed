"""The wheel carries all that is needed: installed into an empty environment it works in an empty folder."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from chatschema import __version__
from tests.support import ROOT
from tests.support.cli import Result, clean_environment
from tests.support.database import Database
from tests.support.pace import long


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the wheel and the source archive, as `make dist` builds them."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def wheel(archives: list[Path]) -> Path:
    return archives[0]


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
    seeders = len(list((ROOT / "seeds").glob("[0-9]*.py")))
    assert f"seeds: {seeders} of {seeders} run" in result.out


def test_the_wheel_has_the_sql_and_the_seeds_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {
        f"chatschema/_data/{path.relative_to(ROOT)}"
        for kind in ("sql", "seeds")
        for path in (ROOT / kind).rglob("*.*")
        if path.suffix in (".sql", ".py")
    }
    assert files <= names
    assert "chatschema/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "bench")) or "__pycache__" in name]


def test_both_archives_are_what_a_package_index_takes(archives: list[Path]) -> None:
    assert [path.name for path in archives] == [f"chatschema-{__version__}-py3-none-any.whl", f"chatschema-{__version__}.tar.gz"]
    with tarfile.open(archives[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"LICENSE", "LICENSES.md", "CHANGELOG.md", "chatschema/py.typed", "sql/schema.sql"} <= names
    if importlib.util.find_spec("twine") is None:
        pytest.skip("twine is not installed: pip install -e '.[dev]'")
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, archives)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_program_that_imports_it_gets_its_types(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("from chatschema.values import Span\n\nreveal_type(Span().months)\nSpan(months='two')\n")
    shutil.unpack_archive(wheel, tmp_path / "installed", "zip")
    env = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "program.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**env, "MYPYPATH": str(tmp_path / "installed")}, capture_output=True, text=True, check=False
    )
    assert 'Revealed type is "int"' in done.stdout.replace("builtins.", ""), done.stdout
    assert "has incompatible type" in done.stdout


def test_it_works_in_an_empty_folder_with_the_embedded_server(installed: Path, tmp_path: Path) -> None:
    migrate_seed_status(installed, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".chatschema"]


@long
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
    assert run(installed, "status", "--check", cwd=tmp_path, **variables).code == 0


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
