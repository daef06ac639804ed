"""The container image: the command with psql and pg_dump, run by a user without rights. Built where a container engine is."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from chatschema import __version__
from tests.support import ROOT
from tests.support.cli import Result
from tests.support.database import Database

TAG = "chatschema-test"
# An image with Python to build on, where the registry that the Dockerfile names cannot be reached.
BASE = os.environ.get("CHATSCHEMA_IMAGE_BASE")
DEFAULT_BASE = "python:3.13-slim"
LIMIT_MB = 180


def docker(*arguments: str, timeout: float = 250) -> "subprocess.CompletedProcess[str]":
    # The engine may be podman, which has no BuildKit.
    env = {**os.environ, "DOCKER_BUILDKIT": "0"}
    return subprocess.run(["docker", *arguments], env=env, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(autouse=True)
def engine() -> None:
    if shutil.which("docker") is None or docker("info").returncode != 0:
        pytest.skip("no container engine answers `docker info`: the image is not built")
    if BASE is None and docker("pull", DEFAULT_BASE).returncode != 0:
        pytest.skip(f"{DEFAULT_BASE} cannot be pulled: CHATSCHEMA_IMAGE_BASE may name another image with Python 3.11 or later")


def build(tag: str, *options: str) -> None:
    base = ["--build-arg", f"BASE={BASE}"] if BASE else []
    done = docker("build", "--network", "host", "--tag", tag, *base, *options, str(ROOT))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture
def image() -> Iterator[str]:
    build(TAG)
    yield TAG
    docker("rmi", "--force", TAG)


def run(*arguments: str, program: str | None = None, **env: str) -> Result:
    """Run the image to its end. In the background, as docker's client returns 0 for each command that podman runs in the foreground."""
    options = ["--entrypoint", program] if program else []
    options += [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
    started = docker("run", "--detach", "--network", "host", *options, TAG, *arguments)
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    try:
        code = docker("wait", container, timeout=100).stdout.strip()
        logs = docker("logs", container)
        return Result(int(code), logs.stdout, logs.stderr)
    finally:
        docker("rm", "--force", container)


def size_mb(image: str) -> float:
    return int(docker("image", "inspect", "--format", "{{.Size}}", image).stdout) / 1e6


def test_the_image_migrates_a_server_and_has_psql(image: str, empty: Database) -> None:
    assert run("--version").out.strip() == f"chatschema {__version__}"
    assert run("-u", program="id").out.strip() == "10001"
    assert run("--version", program="psql").out.startswith("psql (PostgreSQL) 18")
    assert size_mb(image) - size_mb(BASE or DEFAULT_BASE) < LIMIT_MB

    for arguments in (("migrate",), ("status", "--check"), ("seed",)):
        done = run(*arguments, DATABASE_URL=empty.url)
        assert done.code == 0, done.err
    assert empty.one("select count(*) from public.users") == 25
    rows = run("-Atc", "select count(*) from public.users", empty.url, program="psql")
    assert rows.out.strip() == "25", rows.err
    dumped = run("schema", "dump", DATABASE_URL=empty.url)
    assert "CREATE TABLE public.users" in dumped.out, dumped.err


def test_the_image_sets_up_no_server_by_itself(image: str) -> None:
    done = run("migrate")
    assert done.code == 2
    assert "DATABASE_URL" in done.err


def test_the_container_of_the_editors_has_what_make_needs() -> None:
    build(f"{TAG}-dev", "--target", "dev")
    try:
        command = "id -un && make --version && git --version && python3 -m venv /tmp/environment && python3 --version"
        done = docker("run", "--rm", "--entrypoint", "bash", f"{TAG}-dev", "-ec", command)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "dev"
    finally:
        docker("rmi", "--force", f"{TAG}-dev")
