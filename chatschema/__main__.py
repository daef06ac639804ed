"""`python -m chatschema`, and the command `chatschema`: the signal handlers needed before anything else is imported."""

import os

_INTERRUPTED = b"interrupted before anything was done\n"
try:
    # Imports enum, which takes long enough to be interrupted.
    import signal
except KeyboardInterrupt:
    os.write(2, _INTERRUPTED)
    os._exit(130)


def run() -> None:
    """Run the command line. Ctrl-C or SIGTERM while it is still being imported ends it without a traceback."""
    # An ignored signal stays ignored: a shell starts background programs with Ctrl-C ignored.
    handled = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, _end)
    from chatschema.cli import main

    try:
        # Handles both signals from its beginning.
        main()
    finally:
        # The work is done and the exit code is known; only the interpreter has to end.
        for number in handled:
            signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: object) -> None:  # noqa: ARG001  # Python passes it
    # No exception: not every library is prepared for one while it is imported, and nothing is open yet.
    os.write(2, _INTERRUPTED)
    os._exit(128 + number)


if __name__ == "__main__":
    run()
