"""`python -m examples.pern.stack up`, and `... fault redis-kill --down 2` from another terminal."""

import argparse
import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from .child import StartError
from .programs import MissingError
from .stack import FOLDER, Options, Stack

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run a command; 0 done, 1 failed."""
    options = _parser().parse_args()
    try:
        return _up(options) if options.command == "up" else _fault(options)
    except (MissingError, StartError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.pern.stack", description="The reference application on one machine.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where its data and logs are (default: examples/pern/.stack)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start all of it; Ctrl-C stops it")
    up.add_argument(
        "--server", choices=["embedded", "system"], default="embedded", help="PostgreSQL of the wheel, or of this machine"
    )
    up.add_argument("--delay", default="300ms", help="how far the standby stays behind (default: 300ms)")
    up.add_argument("--port", type=int, default=3000, help="port of the first API process; 0: any free ports (default: 3000)")
    up.add_argument("--no-page", action="store_true", help="do not build the web page")
    fault = commands.add_parser("fault", help="break a part of it, which then comes back")
    fault.add_argument("name", nargs="?", help="which; without a name: the list")
    fault.add_argument("--down", type=float, default=0.0, help="for how many seconds it is away")
    return parser


def _up(options: argparse.Namespace) -> int:
    chosen = Options(options.folder, options.server, options.delay, options.port, with_page=not options.no_page)
    # Each of them ends the start as well as the wait, and is ignored while all is being stopped.
    for number in _ENDS:
        signal.signal(number, _interrupt)
    with suppress(KeyboardInterrupt), Stack(chosen, say=_say) as stack:
        first, *others = stack.state["api"]
        _say(f"\nopen {first}" + "".join(f" and, for another user, {other}" for other in others))
        if not stack.state["hasPage"]:
            _say("there is no web page: examples/pern/web is not built")
        _say(f"logs: {chosen.folder / 'logs'}\nCtrl-C stops all of it")
        threading.Event().wait()
    return 0


def _interrupt(*_: object) -> None:
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    _say("stopping")
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, flush=True)


def _fault(options: argparse.Namespace) -> int:
    try:
        control = json.loads((options.folder / "state.json").read_text())["control"]
    except (OSError, ValueError, KeyError):
        raise StartError("it does not run: python -m examples.pern.stack up") from None
    if options.name is None:
        for name, text in _ask(control)["faults"].items():
            print(f"{name:18}{text}")
        return 0
    _ask(f"{control}/faults/{options.name}?{urllib.parse.urlencode({'down': options.down})}", data=b"")
    return 0


def _ask(url: str, data: bytes | None = None) -> Any:
    try:
        with urllib.request.urlopen(url, data) as answer:  # noqa: S310 - the address of state.json
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise StartError(json.load(error)["error"]) from None


if __name__ == "__main__":
    sys.exit(main())
