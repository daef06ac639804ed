"""The suite says when it takes too long, and a test that hangs is ended with the place where it waited."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import pace
from tests.support.cli import clean_environment


def test_a_long_run_is_named_and_a_short_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHATSCHEMA_TEST_FULL", raising=False)
    assert pace.verdict(479, 2) is None
    assert "took 8.5 minutes on 2 cores; the limit on 2 is 8." in (pace.verdict(510, 2) or "")
    assert pace.verdict(510, 1) is None
    monkeypatch.setenv("CHATSCHEMA_TEST_FULL", "1")
    assert pace.verdict(3600, 2) is None


def test_a_hanging_test_is_ended_and_its_line_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("pytest_timeout")
    (tmp_path / "test_hangs.py").write_text(
        "import threading\ndef test_hangs():\n    threading.Event().wait()  # for nobody\ndef test_next():\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "1", "--timeout", "1", "test_hangs.py"]
    env = clean_environment({"PYTEST_DEBUG_TEMPROOT": str(tmp_path)})
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed" in done.stdout
    assert "Timeout" in done.stdout
    assert "# for nobody" in done.stdout
