"""`python -m examples.pern.simulation`: start the stack, let users talk while it breaks, print the verdict."""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from examples.pern.stack import Options, Stack

from . import run


def main() -> int:
    """Run it; 0 if nothing was lost, duplicated, stale or misplaced, otherwise 3."""
    parser = argparse.ArgumentParser(prog="python -m examples.pern.simulation", description="Users who talk while parts break.")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument(
        "--server", choices=["embedded", "system"], default="embedded", help="PostgreSQL of the wheel, or of this machine"
    )
    parser.add_argument("--few", action="store_true", help="only some of the faults")
    parser.add_argument("--folder", type=Path, help="keep data, logs and the record here")
    chosen = parser.parse_args()
    with contextlib.ExitStack() as scope:
        folder = chosen.folder or Path(scope.enter_context(tempfile.TemporaryDirectory(prefix="chatschema-simulation-")))
        folder.mkdir(parents=True, exist_ok=True)
        with Stack(Options(folder / "stack", chosen.server, port=0, with_page=False)) as stack:
            outcome = run.simulate(stack, run.Size(chosen.users, chosen.messages, full=not chosen.few), folder)
            findings = run.verdict(stack, outcome)
    for finding in findings[:50]:
        print(f"{finding.kind}: {finding.text}")
    print(run.summary(outcome, findings))
    return 3 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
