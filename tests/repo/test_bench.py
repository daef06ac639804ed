"""Two benches run to their ends and print every line; their numbers are for machines that do nothing else."""

import subprocess
import sys

from tests.support import ROOT
from tests.support.cli import clean_environment
from tests.support.pace import long


def test_the_bench_of_the_engine_prints_every_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.engine", "--small"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line[:30].rstrip() for line in done.stdout.splitlines()[2:]]
    assert lines == [
        "status",
        "migrate, nothing to do",
        "20 files, net",
        "20 files, net",
        "file of 1 MB",
        "its peak memory",
        "dbmate",
    ]


@long
def test_the_bench_of_seeds_prints_every_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.seed", "--small"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line[:40].strip() for line in done.stdout.splitlines()[3:]]
    assert lines[:3] == ["chatschema seed, start-up included", "its peak memory", "people, all connections"]
    assert lines[-2:] == ["messages and statuses; size of the datab", "plain COPY of the same rows into bare ta"]


@long
def test_the_bench_of_verify_prints_every_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.verify", "--small"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line[:34].rstrip() for line in done.stdout.splitlines()[3:-2]] == ["", "2 months", "20 migrations"]
