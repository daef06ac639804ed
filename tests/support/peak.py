"""How much memory a process takes at its peak. Linux counts what the process that starts it has as well, so a small one does that."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_START = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""


def memory(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> int:
    """Run a command and return its peak in bytes; raises subprocess.CalledProcessError when it fails."""
    start = [sys.executable, "-S", "-c", _START, *command]
    return int(subprocess.run(start, env=env, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout)
